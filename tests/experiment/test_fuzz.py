"""Whatever the text, the answer is an experiment or a sentence; never another exception."""

from faults.fuzzing import examples
from hypothesis import given
from hypothesis import strategies as st

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.experiment.document import load_document, parse
from dltricks.experiment.overrides import from_arguments, parse_override
from dltricks.experiment.resolve import resolve, to_yaml
from dltricks.experiment.settings import KEYS
from dltricks.experiment.study import experiments, read_study

VALID = """\
# a comment
name: fuzz
dataset: {name: moons}
architecture: {name: mlp, hidden: [256, 128]}
dropout: 0.5
optimizer:
  name: adam
  lr: 1e-3
clipping: &one 1.0
schedule: {name: exponential, rate: .98}
early_stopping: {monitor: val_loss, patience: 5}
validation: 0.1
seed: {init: 1, order: 0}
expect: {val_accuracy: ">= 0.95"}
checkpoint_seconds: *one
"""

PIECES = [
    "[", "]", "{", "}", ": ", ", ", "\n", "\n  ", "- ", "? ", "&a ", "*a", "<<: *one", "!!int ", "!", "|", ">", "'",
    '"', "#", "---\n", "...\n", "%YAML 1.2\n", "\t", "\\", "\r", "\x00", "\ufeff", "\u2028", "é", "😀", "null",
    "~", "no", "true", "012", "0x1f", "1e999", ".nan", "-1", "1_000", "1:30", "2024-01-01", "9" * 30,
    "name", "seed", "none",
]  # fmt: skip

words = st.one_of(st.text(max_size=8), st.sampled_from(PIECES))


@st.composite
def mutations(draw):
    """The valid file with a few pieces put in, taken out, or doubled."""
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 3, 20])))
        text = text[:start] + draw(st.one_of(words, st.just(text[start:end] * 2))) + text[end:]
    return text


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    words,
    st.sampled_from(sorted({name for kind in registry.KINDS for name in registry.names(kind)})),
)
fields = st.sampled_from(
    ["name", "lr", "rate", "threshold", "hidden", "monitor", "patience", "path", "init", "val_loss"]
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields | words, inner, max_size=3),
    max_leaves=6,
)
# Plugins run code, and data files are read: both are tested by themselves.
keys = st.sampled_from([key for key in KEYS if key not in ("plugins", "dataset")])


def answer(make):
    """The text of config.yaml where there is an experiment, else None; a message is never empty."""
    try:
        experiment = make()
    except UsageError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert all(line.isprintable() for line in message.split("\n"))
        return None
    written = to_yaml(experiment.config)
    assert resolve(parse(written, "config.yaml")).config == experiment.config
    return written


@examples(150)
@given(st.one_of(st.text(), st.lists(words, max_size=12).map("".join)))
def test_any_text(text):
    answer(lambda: resolve(parse(text, "f.yaml")))


@examples(300)
@given(mutations())
def test_any_mutation_of_a_valid_file(text):
    answer(lambda: resolve(parse(text, "f.yaml")))


@examples(300)
@given(st.dictionaries(keys, values, max_size=4))
def test_any_values(arguments):
    answer(lambda: resolve(parse("name: x", "f.yaml"), from_arguments(arguments)))


@examples(200)
@given(keys, fields, st.lists(words, max_size=4).map("".join))
def test_any_words_of_the_command_line(key, field, value):
    for word in (f"{key}={value}", f"{key}.{field}={value}"):
        answer(lambda word=word: resolve(parse(VALID, "f.yaml"), [parse_override(word)]))
        answer(lambda word=word: next(experiments(read_study(parse(VALID, "f.yaml"), [parse_override(word)])))[1])


forms = st.one_of(
    values,
    st.lists(values, max_size=3),
    st.sampled_from(["0..3", "3..0", {"log": [1, 2], "count": 3}, {"linear": [0, 1], "count": 2}]),
)
swept = st.dictionaries(
    st.one_of(keys, words, st.sampled_from(["zip", "variants", "sample", "optimizer.lr", "seed.init"])),
    st.one_of(forms, st.dictionaries(keys | fields | st.sampled_from(["count", "keys", "method"]), forms, max_size=3)),
    max_size=3,
)


@examples(300)
@given(forms, st.one_of(swept, swept, values))
def test_any_study(seeds, sweep):
    message = ""
    try:
        study = read_study(parse("name: x", "f.yaml"), from_arguments({"seeds": seeds, "sweep": sweep}), most=50)
        runs = list(experiments(study))
    except UsageError as error:
        message = str(error)
    else:
        assert len(runs) == len(study.arms) * len(study.seeds) <= 50
    assert all(line.isprintable() for line in message.split("\n"))


@examples(100)
@given(st.binary(max_size=60), st.integers(0, len(VALID)))
def test_any_bytes(tmp_path_factory, content, position):
    path = tmp_path_factory.mktemp("fuzz") / "f.yaml"
    path.write_bytes(VALID.encode()[:position] + content + VALID.encode()[position:])
    answer(lambda: resolve(load_document(path)))


def test_the_file_that_is_mutated_is_valid():
    assert answer(lambda: resolve(parse(VALID, "f.yaml")))
