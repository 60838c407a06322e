import numpy as np
import pytest

from dltricks.core.errors import UsageError
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import Override, apply, from_arguments, parse_override, split_values


def applied(text, *overrides):
    return apply(parse(text, "f.yaml"), [parse_override(override) for override in overrides])


@pytest.mark.parametrize(
    ("text", "where", "value"),
    [
        ("dropout=0.5", ("dropout",), 0.5),
        ("optimizer.lr=1e-3", ("optimizer", "lr"), 0.001),
        ("activation=relu", ("activation",), "relu"),
        ("architecture.hidden=[64,64]", ("architecture", "hidden"), [64, 64]),
        ("optimizer={name: sgd, lr: 0.1}", ("optimizer",), {"name": "sgd", "lr": 0.1}),
        ("name='1,2'", ("name",), "1,2"),
        ("name=no", ("name",), "no"),
        ("expect.val_loss=<= 0.3", ("expect", "val_loss"), "<= 0.3"),
        ("dataset.path=C:\\data set\\x#1.csv", ("dataset", "path"), "C:\\data set\\x#1.csv"),
        ("a=b=c", ("a",), "b=c"),
        ("limit=", ("limit",), None),
    ],
)
def test_words_of_the_command_line(text, where, value):
    override = parse_override(text)
    assert override.where == where
    assert override.value == value
    assert type(override.value) is type(value)


@pytest.mark.parametrize(
    ("text", "where", "value"),
    [
        ("dropout=0,0.2", ("dropout",), [0, 0.2]),
        ("optimizer=sgd,{name: sgd, lr: 0.1}", ("optimizer",), ["sgd", {"name": "sgd", "lr": 0.1}]),
        ("architecture.hidden=[64],[64,64]", ("architecture", "hidden"), [[64], [64, 64]]),
        ("dropout=0,", ("dropout",), [0, None]),
        ("epochs=1..3", ("epochs",), "1..3"),
        ("epochs= 1..3 ", ("epochs",), "1..3"),
        ("seed.init=0..3", ("seed", "init"), "0..3"),
        ("seed.init=0,3", ("seed", "init"), [0, 3]),
        ("optimizer.lr={log: [1e-4, 1], count: 5}", ("optimizer", "lr"), {"log": [0.0001, 1], "count": 5}),
        ("dropout={linear: [0, 1]}", ("dropout",), {"linear": [0, 1]}),
    ],
)
def test_several_values(text, where, value):
    assert parse_override(text) == Override(where, value, swept=True)


@pytest.mark.parametrize(
    "text",
    ["dropout=0.5", "architecture.hidden=[1,2]", "seeds=10", "seeds=0..9", "seeds=0,1,5", "sweep={dropout: [0, 1]}",
     "tune={epochs: 0..3}", "dataset.path='0..9'", "activation=1...3", "epochs=1..", "name=0..9",
     "activation={name: plugin, log: [1, 2]}", "dropout={rate: 0.5}"],
)  # fmt: skip
def test_single_values(text):
    assert not parse_override(text).swept


def test_a_list_of_seeds_needs_no_brackets():
    assert parse_override("seeds=0,1,5").value == [0, 1, 5]


def test_one_run_takes_one_value():
    with pytest.raises(UsageError, match=r"^command line: dropout: a single value is needed here, found several"):
        applied("epochs: 1\n", "dropout=0,0.2")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0,0.2", ["0", "0.2"]),
        ("[1,2],[3]", ["[1,2]", "[3]"]),
        ("{a: 1, b: 2}", ["{a: 1, b: 2}"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ("'it''s, so'", ["'it''s, so'"]),
        ('"a\\",b",c', ['"a\\",b"', "c"]),
        ("['a]', b],c", ["['a]', b]", "c"]),
        ("{a: ','}", ["{a: ','}"]),
        ("it's,its", ["it's", "its"]),
        ("", [""]),
        ("1,", ["1", ""]),
    ],
)
def test_only_commas_outside_brackets_and_quotes_divide(text, parts):
    assert split_values(text) == parts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dropout", "expected key=value"),
        ("=3", "expected key=value"),
        ("a.b.c=3", "key.sub=value"),
        ("a..=3", "key.sub=value"),
        ("name=a,b", "name: a single value is needed here, found 2 (a,b); a list is written in brackets: name=[a,b]"),
        ("plugins=a.py,b.py", "a list is written in brackets: plugins=[a.py,b.py]"),
        ("expect.val_loss=< 1,> 0", "a single value is needed here"),
        ("seed=0,1,2", "seed: found several values (0,1,2); write seeds=0,1,2"),
        ("seed=0..2", "seed: found several values (0..2); write seeds=0..2"),
        ("sweep.dropout=0,1", "sweep.dropout: sweep is given as a whole; write sweep=..."),
        ("seeds.init=1", "seeds.init: seeds is given as a whole"),
        ("seed=012", "leading zeros"),
        ("seed=.nan", "not a finite number"),
        ("hidden=[1", "not valid YAML"),
        ("name=a\x1bb", "is not allowed"),
        ("optimizer={<<: {a: 1}}", "merge keys"),
        ("optimizer=" + "[" * 5000, "nested more than"),
    ],
)
def test_wrong_words_are_refused_with_their_origin(text, words):
    with pytest.raises(UsageError, match=r"^command line: ") as error:
        parse_override(text)
    assert words in str(error.value)


def test_a_value_replaces_the_files_and_remembers_where_it_came_from():
    document = applied("epochs: 3\nseed: 1\n", "epochs=4")
    assert document.value == {"epochs": 4, "seed": 1}
    assert document.error(("epochs",), "x") == "command line: epochs: x"
    assert document.error(("seed",), "x") == "f.yaml:2: seed: x"


def test_the_document_itself_is_not_changed():
    document = parse("optimizer: {name: adam, lr: 1}\n", "f.yaml")
    apply(document, [parse_override("optimizer.lr=2"), parse_override("epochs=1")])
    assert document.value == {"optimizer": {"name": "adam", "lr": 1}}
    assert document.origin(("optimizer", "lr")) == "f.yaml:1"


def test_a_name_drops_the_old_components_fields():
    for override in ("optimizer=sgd", "optimizer.name=sgd"):
        document = applied("optimizer: {name: adam, b1: 0.5}\n", override)
        assert document.value["optimizer"] in ("sgd", {"name": "sgd"})
        assert document.origin(("optimizer", "b1")) == "command line"


def test_names_come_before_fields_in_whatever_order():
    for order in (["optimizer=sgd", "optimizer.lr=0.5"], ["optimizer.lr=0.5", "optimizer=sgd"]):
        assert applied("optimizer: {name: adam, b1: 0.5}\n", *order).value == {"optimizer": {"name": "sgd", "lr": 0.5}}


def test_a_field_keeps_its_neighbours_and_their_lines():
    document = applied("optimizer:\n  name: adam\n  b1: 0.5\n  lr: 1\n", "optimizer.lr=2")
    assert document.value == {"optimizer": {"name": "adam", "b1": 0.5, "lr": 2}}
    assert document.origin(("optimizer", "b1")) == "f.yaml:3"
    assert document.origin(("optimizer", "lr")) == "command line"


@pytest.mark.parametrize(
    ("text", "override", "value"),
    [
        ("optimizer: sgd\n", "optimizer.lr=1", {"name": "sgd", "lr": 1}),
        ("epochs: 1\n", "optimizer.lr=1", {"name": "adam", "lr": 1}),
        ("dropout: 0.5\n", "dropout.rate=0.1", {"name": "dropout", "rate": 0.1}),
        ("epochs: 1\n", "dropout.rate=0.1", {"rate": 0.1}),
        ("dropout: none\n", "dropout.rate=0.1", {"rate": 0.1}),
        ("dropout: {name: none}\n", "dropout.rate=0.1", {"rate": 0.1}),
        ("dropout: alpha\n", "dropout.rate=0.1", {"name": "alpha", "rate": 0.1}),
        ("epochs: 1\n", "early_stopping.patience=3", {"patience": 3}),
        ("epochs: 1\n", "seed.init=3", {"init": 3}),
        ("epochs: 1\n", "expect.val_loss=< 1", {"val_loss": "< 1"}),
    ],
)
def test_fields_of_bare_names_numbers_and_defaults(text, override, value):
    assert applied(text, override).value[override.partition(".")[0]] == value


def test_a_purpose_leaves_the_seed_of_the_others():
    seed = applied("seed: 7\n", "seed.init=3").value["seed"]
    assert seed.pop("init") == 3
    assert set(seed.values()) == {7}
    assert "order" in seed


@pytest.mark.parametrize(
    ("text", "override"),
    [
        ("epochs: 1\n", "epochs.x=3"),
        ("seed: one\n", "seed.init=3"),
        ("optimizer: [sgd]\n", "optimizer.lr=3"),
        ("optimizer:\n", "optimizer.lr=3"),
        ("optimizer: 3\n", "optimizer.lr=3"),
        ("augmentation: none\n", "augmentation.x=3"),
    ],
)
def test_fields_of_what_has_none(text, override):
    with pytest.raises(UsageError, match=r"command line: \w+\.\w+: \w+ has no fields"):
        applied(text, override)


def test_the_same_key_twice_is_refused():
    for pair in (["epochs=1", "epochs=2"], ["optimizer=sgd", "optimizer.name=adam"], ["a.b=1", "a.b=1"]):
        with pytest.raises(UsageError, match="given twice"):
            applied("epochs: 1\na: {}\n", *pair)


def test_arguments_of_python():
    overrides = from_arguments(
        {
            "dropout": np.float32(0.5),
            "optimizer.lr": 1e-3,
            "architecture.hidden": (64, np.int64(32)),
            "name": "x",
        }
    )
    assert overrides == [
        Override(("dropout",), 0.5, "argument"),
        Override(("optimizer", "lr"), 0.001, "argument"),
        Override(("architecture", "hidden"), [64, 32], "argument"),
        Override(("name",), "x", "argument"),
    ]
    assert type(overrides[0].value) is float


@pytest.mark.parametrize("value", [float("nan"), np.inf, {1}, object(), b"x", 10**30, "a\0", {1: 2}, np.ones(3)])
def test_arguments_that_no_file_could_hold(value):
    with pytest.raises(UsageError, match=r"^argument: a: "):
        from_arguments({"a": value})


def test_a_list_that_contains_itself():
    value = []
    value.append(value)
    with pytest.raises(UsageError, match="nested more than"):
        from_arguments({"a": value})
