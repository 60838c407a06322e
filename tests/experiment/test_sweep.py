import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.core.errors import UsageError
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import NEVER_SWEPT, parse_override
from dltricks.experiment.settings import KEYS
from dltricks.experiment.sweep import SWEPT, read_sweep, read_swept


def axes(text):
    return read_sweep(parse(f"sweep: {text}" if not text.startswith("sweep") else text, "f.yaml"))


def points(text):
    (axis,) = axes(text)
    found = axis.points()
    assert axis.count == len(found)
    return found


def refusal(text):
    with pytest.raises(UsageError) as error:
        [axis.points() for axis in axes(text)]
    return str(error.value)


def settings(point):
    return [(str(change), change.value) for change in point.changes]


def test_one_key():
    first, second = points("{dropout: [0, 0.2]}")
    assert (first.label, second.label) == ("dropout=0", "dropout=0.2")
    assert (first.varied, second.varied) == ({"dropout": 0}, {"dropout": 0.2})
    assert settings(second) == [("dropout", 0.2)]


def test_values_are_spelled_for_people():
    found = points("{optimizer: [sgd, {name: sgd, lr: 0.1}]}")
    assert [point.label for point in found] == ["optimizer=sgd", "optimizer=sgd+lr=0.1"]
    assert points("{architecture.hidden: [[64, 32]]}")[0].label == "architecture.hidden=64+32"


def test_each_value_remembers_its_line():
    first, second = points("sweep:\n  dropout:\n    - 0\n    - 0.2\n")
    assert (first.changes[0].origin, second.changes[0].origin) == ("f.yaml:3", "f.yaml:4")
    assert points("sweep:\n  epochs:\n    1..2\n")[1].changes[0].origin == "f.yaml:2"
    zipped = points("sweep:\n  zip:\n    epochs: [1]\n    dropout: [0]\n")[0]
    assert [change.origin for change in zipped.changes] == ["f.yaml:3", "f.yaml:4"]
    variant = points("sweep:\n  variants:\n    - name: a\n      epochs: 3\n")[0]
    assert variant.changes[0].origin == "f.yaml:4"
    sampled = points("sweep:\n  sample:\n    count: 1\n    keys:\n      dropout: [0]\n")[0]
    assert sampled.changes[0].origin == "f.yaml:5"


def test_keys_that_move_together():
    found = points("{zip: {dropout: [0, 0.2], epochs: 1..2, optimizer.lr: {log: [1e-3, 1], count: 2}}}")
    assert [settings(point) for point in found] == [
        [("dropout", 0), ("epochs", 1), ("optimizer.lr", 0.001)],
        [("dropout", 0.2), ("epochs", 2), ("optimizer.lr", 1)],
    ]
    assert found[0].label == "dropout=0,epochs=1,optimizer.lr=0.001"
    assert found[0].varied == {"dropout": 0, "epochs": 1, "optimizer.lr": 0.001}
    groups = axes("{zip: [{dropout: [0, 0.2]}, {epochs: [1, 2, 3], batch_size: [1, 2, 3]}]}")
    assert [axis.count for axis in groups] == [2, 3]


def test_named_variants():
    plain, strong = points("{variants: [{name: plain}, {name: strong, dropout: 0.5, optimizer.lr: 1}]}")
    assert (plain.label, plain.varied, plain.changes) == ("plain", {"variant": "plain"}, ())
    assert (strong.label, strong.varied) == ("strong", {"variant": "strong"})
    assert settings(strong) == [("dropout", 0.5), ("optimizer.lr", 1)]


def test_samples():
    text = "{sample: {count: 40, keys: {optimizer.lr: {log: [1e-4, 1e-1]}, epochs: 3..5, optimizer: [adam, sgd]}}}"
    found = points(text)
    assert len(found) == 40
    rates = [point.varied["optimizer.lr"] for point in found]
    assert min(rates) >= 1e-4
    assert max(rates) <= 1e-1
    assert all(float(f"{rate:.6g}") == rate for rate in rates)
    # Evenly on the logarithmic scale: 40 points of 3 decades.
    assert 12 <= sum(rate < 1e-3 for rate in rates) <= 15
    assert {point.varied["epochs"] for point in found} == {3, 4, 5}
    assert {point.varied["optimizer"] for point in found} == {"adam", "sgd"}
    assert [point.label for point in found] == [point.label for point in points(text)]
    for other in ("seed: 1", "method: random"):
        assert found != points(text.replace("count: 40", f"count: 40, {other}"))


def test_several_values_on_the_command_line():
    found = read_swept([parse_override("dropout=0,0.2"), parse_override("epochs=1..3")])
    assert [axis.count for axis in found] == [2, 3]
    assert found[0].points()[1].changes[0].origin == "command line"
    assert settings(found[1].points()[0]) == [("epochs", 1)]


def test_every_key_of_a_run_is_swept_or_not():
    assert {*SWEPT, *NEVER_SWEPT, "seed"} >= set(KEYS)
    for key in SWEPT:
        assert axes(f"{{{key}: [1, 2]}}")[0].places() == [(key,)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "sweep: found 3, allowed: a mapping such as {dropout: [0, 0.2, 0.5]}"),
        ("[dropout]", "sweep: found a list, allowed: a mapping"),
        ("{dropuot: [0]}", "sweep.dropuot: unknown key 'dropuot'; did you mean 'dropout'?"),
        ("{variant: [0]}", "sweep.variant: unknown key 'variant'; did you mean 'variants'?"),
        ("{dropout: []}", "sweep.dropout: the list is empty"),
        ("{dropout: 0.5}", "sweep.dropout: found 0.5, allowed: a list of values"),
        ("{dropout: [0, 0.5, 0]}", "sweep.dropout.2: found 0 twice, as value 1 and 3"),
        ("{dropout: {log: [0, 1], count: 3}}", "sweep.dropout.log: found the bound 0"),
        ("{dropout: {linear: [0.1, 0.10000001], count: 5}}", "sweep.dropout: 5 values from 0.1 to 0.10000001 are not"),
        ("{a.b.c: [1]}", "sweep.a.b.c: expected key or key.sub, found 'a.b.c'"),
        ("{optimizer.: [1]}", "sweep.optimizer.: expected key or key.sub"),
        ("{name: [a, b]}", "sweep.name: name is the same in all runs of a study"),
        ("{expect.val_loss: ['< 1']}", "sweep.expect.val_loss: expect is the same in all runs"),
        ("{checkpoint_seconds: [1, 2]}", "sweep.checkpoint_seconds: checkpoint_seconds is the same"),
        ("{seed: [0, 1]}", "sweep.seed: seeds are no part of the sweep; write seeds: [0, 1, 2] beside it, "
         "or seeds=0,1,2"),
        ("{seeds: [0, 1]}", "sweep.seeds: seeds are no part of the sweep"),
        ("{seed.inti: [0, 1]}", "sweep.seed.inti: unknown purpose 'inti'; did you mean 'init'?"),
        ("{optimizer: [sgd], optimizer.name: [adam]}", "sweep.optimizer.name: optimizer.name stands in two places"),
        ("{dropout: [0], zip: {dropout: [1]}}", "sweep.zip.dropout: dropout stands in two places"),
        ("{dropout: [0], variants: [{name: a, dropout: 1}]}", "sweep.variants: dropout stands in two places"),
        ("{dropout: [0], sample: {count: 1, keys: {dropout: [1]}}}", "sweep.sample.keys.dropout: dropout stands in"),
        ("{zip: {dropout: [0, 1], epochs: 1..3}}", "sweep.zip: keys that move together need equally many values, "
         "found dropout 2, epochs 3"),
        ("{zip: 3}", "sweep.zip: found 3, allowed: a mapping of keys to values"),
        ("{zip: {}}", "sweep.zip: found an empty mapping, allowed: a mapping of keys"),
        ("{zip: []}", "sweep.zip: the list is empty"),
        ("{zip: [3]}", "sweep.zip.0: found 3, allowed"),
        ("{zip: {zip: [1]}}", "sweep.zip.zip: unknown key 'zip'"),
        ("{variants: {a: 1}}", "sweep.variants: found a mapping, allowed: a list of mappings with a name each"),
        ("{variants: []}", "sweep.variants: found an empty list, allowed: a list of mappings"),
        ("{variants: [plain]}", "sweep.variants.0: found the text 'plain', allowed: a list of mappings"),
        ("{variants: [{dropout: 0}]}", "sweep.variants.0: found a variant without name"),
        ("{variants: [{name: 1}]}", "sweep.variants.0.name: found 1, allowed: text of at most 60 letters"),
        ("{variants: [{name: a/b}]}", "sweep.variants.0.name: found the text 'a/b', allowed: text"),
        ("{variants: [{name: 'a,b'}]}", "sweep.variants.0.name: found the text 'a,b', allowed: text"),
        ("{variants: [{name: %s}]}" % ("a" * 61), "sweep.variants.0.name: found the text"),
        ("{variants: [{name: a}, {name: a, epochs: 1}]}", "sweep.variants.1.name: two variants have the name 'a'"),
        ("{variants: [{name: a, epoch: 1}]}", "sweep.variants.0.epoch: unknown key 'epoch'; did you mean 'epochs'?"),
        ("{variants: [{name: a, seed: 1}]}", "sweep.variants.0.seed: seeds are no part of the sweep"),
        ("{variants: [{name: a, loss: mse, loss.name: mse}]}", "sweep.variants.0: names the same component twice"),
        ("{sample: [1]}", "sweep.sample: found a list, allowed: a mapping such as {method: halton"),
        ("{sample: {count: 3}}", "sweep.sample: keys is missing; a mapping such as"),
        ("{sample: {keys: {dropout: [0]}}}", "sweep.sample: count is missing"),
        ("{sample: {count: 3, keys: {}}}", "sweep.sample.keys: found an empty mapping"),
        ("{sample: {count: 0, keys: {dropout: [0]}}}", "sweep.sample.count: found 0, allowed: a whole number"),
        ("{sample: {count: 1, seed: -1, keys: {dropout: [0]}}}", "sweep.sample.seed: found -1"),
        ("{sample: {count: 1, seed: true, keys: {dropout: [0]}}}", "sweep.sample.seed: found true"),
        ("{sample: {count: 1, method: sobol, keys: {dropout: [0]}}}", "sweep.sample.method: found the text 'sobol', "
         "allowed: halton or random"),
        ("{sample: {cuont: 1, keys: {dropout: [0]}}}", "sweep.sample.cuont: unknown field 'cuont'; did you mean"),
        ("{sample: {count: 1, keys: {dropout: 3}}}", "sweep.sample.keys.dropout: found 3, allowed: a list of choices"),
        ("{sample: {count: 1, keys: {dropuot: [3]}}}", "sweep.sample.keys.dropuot: unknown key 'dropuot'"),
        ("{sample: {count: 3, keys: {dropout: [0, 0.5]}}}", "sweep.sample: two of the 3 points are the same (dropout="),
    ],
)  # fmt: skip
def test_every_mistake_names_its_line_its_key_and_what_is_allowed(text, message):
    found = refusal(f"sweep:\n  {text}")
    assert found.startswith(("f.yaml:2: ", "f.yaml:1: "))
    assert found.partition(": ")[2].startswith(message)
    assert "\n" not in found


def test_several_mistakes_come_one_on_a_line():
    lines = refusal("sweep:\n  dropout: []\n  epochs: [1]\n  bogus: [1]\n").split("\n")
    assert [line.split(": ")[0] for line in lines] == ["f.yaml:2", "f.yaml:4"]


def test_mistakes_of_the_command_line():
    for text, message in [
        ("dropuot=0,1", "command line: dropuot: unknown key 'dropuot'; did you mean 'dropout'?"),
        ("zip=0,1", "command line: zip: unknown key 'zip'"),
        ("dropout=0,0", "command line: dropout.1: found 0 twice"),
        ("dropout=0,", "command line: dropout.1: found nothing (null)"),
        ("dropout={log: [1, 2]}", "command line: dropout: count is missing"),
        ("epochs=3..1", "command line: epochs: found 3..1, allowed: an ascending range"),
    ]:
        with pytest.raises(UsageError) as error:
            read_swept([parse_override(text)])
        assert str(error.value).startswith(message)


def without(text, *gone):
    left = [axis.without(lambda place: place in gone) for axis in axes(text)]
    return [axis.points() for axis in left if axis is not None]


def test_a_place_that_is_taken_away():
    assert without("{dropout: [0, 1]}", ("dropout",)) == []
    assert without("{dropout: [0, 1]}", ("epochs",)) == [points("{dropout: [0, 1]}")]
    assert without("{zip: {dropout: [0, 1], epochs: [1, 2]}}", ("dropout",)) == [points("{zip: {epochs: [1, 2]}}")]
    assert without("{zip: {dropout: [0, 1]}}", ("dropout",)) == []
    (left,) = without("{variants: [{name: a}, {name: b, epochs: 1, dropout: 0}]}", ("dropout",))
    assert [settings(point) for point in left] == [[], [("epochs", 1)]]
    assert without("{variants: [{name: a}, {name: b, dropout: 0}]}", ("dropout",)) == []
    # A variant that never set anything is not emptied by what was not there.
    assert len(without("{variants: [{name: a}]}", ("dropout",))[0]) == 1
    sample = "{sample: {count: 3, keys: {%s}}}"
    both, one = "dropout: {linear: [0, 1]}, epochs: 1..99", "epochs: 1..99"
    assert without(sample % both, ("dropout",)) == [points(sample % one)]
    assert without(sample % one, ("epochs",)) == []


lists = st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True)


@given(lists, lists)
def test_an_axis_counts_its_points_without_listing_them(epochs, limit):
    for axis in axes(
        f"{{epochs: {epochs}, sample: {{count: 3, keys: {{dropout: {{linear: [0, 1]}}}}}}, limit: {limit}}}"
    ):
        assert axis.count == len(axis.points())
