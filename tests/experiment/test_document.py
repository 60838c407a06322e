import pytest

from dltricks.core.errors import UsageError
from dltricks.experiment.document import MAX_BYTES, load_document, parse, parse_value


def refusal(text):
    with pytest.raises(UsageError) as error:
        parse(text, "f.yaml")
    return str(error.value)


def test_values_and_the_lines_on_which_they_stand():
    document = parse("# comment\na: 1\nb:\n  c: [x,\n    y]\n  d:\n    e: 1e-3\n", "f.yaml")
    assert document.value == {"a": 1, "b": {"c": ["x", "y"], "d": {"e": 0.001}}}
    assert document.line(("a",)) == 2
    assert document.line(("b", "c", 0)) == 4
    assert document.line(("b", "c", 1)) == 5
    assert document.line(("b", "d")) == 6
    assert document.line(("b", "d", "e")) == 7
    assert document.line(("b", "d", "missing")) == 6
    assert document.line(("missing",)) is None
    assert document.origin(("b", "d", "e")) == "f.yaml:7"
    assert document.origin(("missing",)) == "f.yaml"


def test_quoted_words_are_text():
    assert parse("a: '1'\nb: \"1e-3\"\nc: |\n  1\n", "f").value == {"a": "1", "b": "1e-3", "c": "1\n"}


def test_aliases_are_copies():
    value = parse("a: &x [1]\nb: *x\nc: *x\n", "f").value
    value["b"].append(2)
    assert value == {"a": [1], "b": [1, 2], "c": [1]}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("- a\n", 1, "found a list"),
        ("word\n", 1, "found the text 'word'"),
        ("null\n", 1, "found nothing"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: 1\nb: 2\na: 3\n", 3, "duplicate key, first on line 1"),
        ("a: {b: 1,\n b: 2}\n", 2, "b: duplicate key, first on line 1"),
        ("a: 1\n'a': 2\n", 2, "duplicate key"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge keys"),
        ("a: 1\nb: *nothing\n", 2, "'nothing'"),
        ("a: &x [*x]\n", 1, "finished value"),
        ("a: &x 1\nb: &x 2\n", 2, "defined twice"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "tags are not allowed"),
        ("a: !!int 3\n", 1, "tags are not allowed"),
        ("a: 1\n1: 2\n", 2, "a key must be a word, found 1"),
        ("{'" + "a" * 101 + "': 1}", 1, "at most 100 characters"),
        ("? [a]\n: 1\n", 1, "a key must be a plain word"),
        ("~: 1\n", 1, "a key must be a word"),
        ("a: 1\nb: 012\n", 2, "leading zeros"),
        ("a: 1\nb: .inf\n", 2, "finite"),
        ("a: 1\nb: [\n", 3, "not valid YAML"),
        ("a: 1\n b: 2\n", 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: \x00\n", 2, "'\\x00' is not allowed"),
        ("a: 1\nb: \x1b[31m\n", 2, "'\\x1b' is not allowed"),
        ('a: "\\0"\n', 1, "'\\x00' is not allowed"),
        ('a: "\\uD800"\n', 1, "'\\ud800' is not allowed"),
        ('a: "\\UFFFFFFFF"\n', 1, "not valid YAML"),
        ("%YAML 1.1\n---\na: 1\n", 1, "YAML 1.1"),
    ],
)
def test_what_an_experiment_file_may_not_hold(text, line, words):
    message = refusal(text)
    assert message.startswith(f"f.yaml:{line}: ")
    assert words in message


@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "[{a: "])
def test_deep_nesting_is_refused_whatever_its_form(unit):
    assert "nested more than" in refusal("a:\n  " + unit * 200_000)


def test_nesting_through_aliases_counts():
    text = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 40))
    assert "nested more than" in refusal(text)


def test_a_chain_of_aliases_is_refused_before_it_is_expanded():
    text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
    )
    assert "values, with aliases counted" in refusal(text)


def test_many_values_are_refused():
    assert "more than" in refusal("a: [" + "1," * 100_000 + "]")


def test_files_are_bounded_and_utf_8(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1\n#" + b"x" * MAX_BYTES)
    with pytest.raises(UsageError, match="larger than"):
        load_document(path)
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(UsageError, match=r"f\.yaml:2: not UTF-8"):
        load_document(path)
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\nb: 2\r\n")
    document = load_document(path)
    assert document.value == {"a": "é", "b": 2}
    assert document.line(("b",)) == 2
    assert document.path == path


def test_unreadable_paths(tmp_path):
    (tmp_path / "mnist.yaml").write_text("a: 1\n")
    with pytest.raises(UsageError, match=r"no such file; did you mean .*mnist\.yaml"):
        load_document(tmp_path / "mnits.yaml")
    with pytest.raises(UsageError, match=str(tmp_path.name)):
        load_document(tmp_path)
    with pytest.raises(UsageError, match="null"):
        load_document("a\0b")


def test_messages_are_inert_in_a_terminal():
    document = parse("a\u202eb: 1\n", "f\x1b.yaml")
    assert document.error(("a\u202eb",), "wrong\nline") == "f\\x1b.yaml:1: a\\u202eb: wrong\\nline"
    assert "\\u200b" in refusal("a\u200b: 1\na\u200b: 1\n")


def test_a_single_value_has_no_line_in_its_errors():
    assert parse_value("{a: [1, 2]}", "here") == {"a": [1, 2]}
    with pytest.raises(UsageError, match=r"^here: not valid YAML"):
        parse_value("[1, 2", "here")
    with pytest.raises(UsageError, match=r"^here: a second document|^here: not valid"):
        parse_value("[1] [2]", "here")
