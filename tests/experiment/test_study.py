import itertools
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltricks.core.errors import UsageError
from dltricks.engine.recipe import Seeds
from dltricks.experiment.arm import Arm
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import Override, from_arguments, parse_override
from dltricks.experiment.resolve import resolve
from dltricks.experiment.settings import TUNING_SEEDS
from dltricks.experiment.study import experiments, read_study


def study(text, *words, most=10_000, **arguments):
    overrides = [*map(parse_override, words), *from_arguments(arguments)]
    return read_study(parse(text, "f.yaml"), overrides, most)


def refusal(text, *words, **arguments):
    with pytest.raises(UsageError) as error:
        list(experiments(study(text, *words, **arguments)))
    return str(error.value)


def labels(text, *words, **arguments):
    return [arm.label for arm in study(text, *words, **arguments).arms]


def seeds(text, *words, **arguments):
    """What config.yaml says of the seed of each run."""
    return [experiment.config["seed"] for _, experiment in experiments(study(text, *words, **arguments))]


def test_a_plain_file_is_one_arm():
    found = study("dropout: 0.5\nseed: 3")
    assert found.arms == (Arm("", {}, ()),)
    assert (found.seeds, found.tune, found.several) == (None, None, False)
    ((arm, experiment),) = experiments(found)
    assert arm is found.arms[0]
    assert experiment == resolve(parse("dropout: 0.5\nseed: 3", "f.yaml"))


def test_every_combination_in_the_order_written():
    found = study("sweep:\n  epochs: [1, 2]\n  dropout: [0, 0.5]\nseeds: 2")
    assert found.several
    assert found.swept == ("epochs", "dropout")
    assert [arm.label for arm in found.arms] == [
        "epochs=1,dropout=0", "epochs=1,dropout=0.5", "epochs=2,dropout=0", "epochs=2,dropout=0.5"
    ]  # fmt: skip
    assert found.arms[1].varied == {"epochs": 1, "dropout": 0.5}
    runs = [
        (arm.label, experiment.recipe.epochs, experiment.recipe.dropout.rate, experiment.recipe.seeds)
        for arm, experiment in experiments(found)
        if experiment.recipe.dropout.name() == "dropout"
    ]
    assert runs == [
        (label, epochs, rate, Seeds.all(seed))
        for label, (epochs, rate) in zip(
            [arm.label for arm in found.arms], itertools.product((1, 2), (0.0, 0.5)), strict=True
        )
        for seed in (0, 1)
    ]
    assert set(found.document.value) == set()
    assert found.document.lines.keys() <= {()}


def test_everything_at_once():
    zipped, variants = "{epochs: [1, 2], limit: [50, 60]}", "[{name: a}, {name: b, loss: mse}]"
    text = f"sweep: {{dropout: [0, 0.5], zip: {zipped}, variants: {variants}}}"
    found = study(text, "batch_size=8,16")
    assert len(found.arms) == 2 * 2 * 2 * 2
    assert found.arms[-1].label == "dropout=0.5,epochs=2,limit=60,b,batch_size=16"
    assert found.arms[-1].varied == {"dropout": 0.5, "epochs": 2, "limit": 60, "variant": "b", "batch_size": 16}


def test_a_field_is_laid_over_a_swept_component():
    found = study("sweep: {optimizer: [adam, sgd], optimizer.lr: [0.1, 0.2]}")
    chosen = [e.recipe.optimizer for _, e in experiments(found)]
    assert [(optimizer.name(), optimizer.lr) for optimizer in chosen] == [
        ("adam", 0.1), ("adam", 0.2), ("sgd", 0.1), ("sgd", 0.2)
    ]  # fmt: skip


def test_labels_are_unique_where_values_are_spelled_alike():
    found = labels("sweep: {architecture.hidden: [[64], 64, '64']}")
    assert found == ["architecture.hidden=64", "architecture.hidden=64#2", "architecture.hidden=64#3"]


# Seeds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seeds: 3", (0, 1, 2)),
        ("seeds: 1", (0,)),
        ("seeds: 2..4", (2, 3, 4)),
        ("seeds: [5, 0]", (5, 0)),
        ("seeds: 999998..999999", (999_998, 999_999)),
    ],
)
def test_forms_of_seeds(text, expected):
    found = study(text)
    assert found.seeds == expected
    assert found.several
    assert seeds(text) == list(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "seeds: 0",
            "seeds: found 0, allowed: a whole number of seeds, a list such as [0, 1, 5], or a range such as 0..9",
        ),
        ("seeds: 1.0", "seeds: found 1.0, allowed: a whole number of seeds"),
        ("seeds: true", "seeds: found true, allowed"),
        ("seeds: ten", "seeds: found the text 'ten', allowed"),
        ("seeds:", "seeds: found nothing, allowed"),
        ("seeds: []", "seeds: found an empty list, allowed"),
        ("seeds: {a: 1}", "seeds: found a mapping, allowed"),
        ("seeds: [0, -1]", "seeds.1: found -1, allowed: a whole number at least 0"),
        ("seeds: [0, true]", "seeds.1: found true, allowed"),
        ("seeds: [0, 1.0]", "seeds.1: found 1.0, allowed"),
        ("seeds: [0, 2, 0]", "seeds: found the seed 0 twice"),
        ("seeds: 4..2", "seeds: found 4..2, allowed: an ascending range; write 2..4"),
        ("seeds: -1..2", "seeds: found -1..2; a seed is at least 0"),
        ("seeds: [1000000]", "seeds.0: found 1000000; seeds from 1,000,000 up are kept for tuning"),
        ("seeds: 999999..1000000", "seeds: found 999999..1000000; seeds from 1,000,000 up are kept for tuning"),
        ("seeds: 1000001", "seeds: found 1000001, which would be the seeds 0..1000000; seeds from 1,000,000 up"),
        ("seeds: 0..9223372036854775807", "seeds: found 0..9223372036854775807; seeds from 1,000,000 up"),
    ],
)
def test_wrong_seeds(text, message):
    assert refusal(f"# first line\n{text}").startswith(f"f.yaml:2: {message}")


def test_one_seed_beside_several():
    assert study("seed: 1\nseeds: 3").seeds == (0, 1, 2)
    assert refusal("seed: 3\nseeds: 3") == "f.yaml:1: seed: 3 is not among the seeds; remove `seed` or `seeds`"
    assert (
        refusal("{}", "seed=3", "seeds=3") == "command line: seed: 3 is not among the seeds; remove `seed` or `seeds`"
    )
    assert seeds("{}", "seed=2", "seeds=3") == [0, 1, 2]
    assert refusal("seed: one\nseeds: 3").startswith("f.yaml:1: seed: found the text 'one'")


def test_the_command_line_replaces_seed_and_seeds():
    assert seeds("seed: 7", "seeds=2") == [0, 1]
    assert seeds("seed: 7", seeds=[4]) == [4]
    assert seeds("seed: one", "seeds=2") == [0, 1]
    assert "seed" not in study("seed: 7", "seeds=2").document.value
    assert seeds("seed: 7\nseeds: 8", "seeds=2") == [0, 1]
    assert seeds("seeds: 8", "seeds=1,5") == [1, 5]
    assert seeds("seeds: 8", "seeds=3..4") == [3, 4]
    found = study("seeds: 8", "seed=5")
    assert (found.seeds, found.several) == (None, False)
    assert seeds("seeds: 8", "seed=5") == [5]
    assert seeds("seeds: 8", seed=5) == [5]
    assert refusal("{}", "seeds=x") == (
        "command line: seeds: found the text 'x', allowed: a whole number of seeds, "
        "a list such as [0, 1, 5], or a range such as 0..9"
    )


def purposes(init, others):
    return {"init": init, "order": others, "dropout": others, "augment": others, "split": others, "data": others}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: {init: 9}\nseeds: 2", []),
        ("seed: {init: 9}", ["seeds=2"]),
        ("seeds: 2", ["seed.init=9"]),
        ("seed: 1\nseeds: 2", ["seed.init=9"]),
        ("seed: 7", ["seed.init=9", "seeds=2"]),
        ("seed: {init: 3}\nseeds: 2", ["seed.init=9"]),
        ("seed: {order: 3}\nseeds: 2", ["seed={init: 9}"]),
        ("seeds: 2", ["seed=1", "seed.init=9", "seeds=0,1"]),
        ("seeds: 2\nsweep: {seed.init: [9]}", []),
        ("seed: {init: 8}\nseeds: 2\nsweep: {seed.init: [9]}", []),
        ("seed: {init: 8}\nseeds: 2\nsweep: {variants: [{name: a, seed.init: 9}]}", []),
    ],
)
def test_a_purpose_that_is_named_keeps_its_seed(text, words):
    assert seeds(text, *words) == [purposes(9, 0), purposes(9, 1)]


def test_a_swept_purpose():
    assert seeds("seed: 3\nsweep: {seed.init: [0, 3]}") == [purposes(0, 3), 3]
    assert seeds("seeds: 2\nsweep: {seed.init: [0, 1]}") == [0, purposes(0, 1), purposes(1, 0), 1]
    assert labels("seed: 3", "seed.init=0,1") == ["seed.init=0", "seed.init=1"]
    assert seeds("sweep: {seed.init: [0, 1]}", "seed=5") == [5]
    assert seeds("sweep: {seed.init: [0, 1]}", "seed.init=5") == [purposes(5, 0)]


def test_seeds_that_vary_nothing():
    every = "{init: 1, order: 1, dropout: 1, augment: 1, split: 1, data: %s}"
    assert refusal(f"seed: {every % 1}\nseeds: 2").startswith("f.yaml:1: seed: every purpose has its seed here")
    text = "seeds: 2\nsweep: {seed.data: [1, 2]}\nseed: {init: 1, order: 1, dropout: 1, augment: 1, split: 1}"
    assert (
        refusal(text)
        == "f.yaml: every purpose of `seed` is given (in the arm seed.data=1), so that `seeds` vary nothing"
    )
    assert len(seeds(text, "seeds=1")) == 2


def test_other_seeds_than_the_studys():
    """As tuning asks for them, also where the file has a single seed."""
    chosen = (TUNING_SEEDS, TUNING_SEEDS + 1)
    for text, words in [("seed: 3", []), ("seeds: 4", []), ("{}", [])]:
        found = [e.config["seed"] for _, e in experiments(study(text, *words), seeds=chosen)]
        assert found == list(chosen)
    found = [e.config["seed"] for _, e in experiments(study("seed: 3", "seed.init=9"), seeds=chosen)]
    assert found == [purposes(9, seed) for seed in chosen]


def test_other_arms_than_the_studys():
    arm = Arm("mine", {}, (Override(("epochs",), 3, "mine"),))
    ((found, experiment),) = experiments(study("sweep: {epochs: [1, 2]}"), arms=[arm])
    assert found is arm
    assert experiment.recipe.epochs == 3


# The command line against the file

FILE = "sweep: {optimizer: [adam, sgd], optimizer.lr: [0.1, 0.2], zip: {dropout: [0, 0.5], epochs: [1, 2]}}"


@pytest.mark.parametrize(
    ("words", "count", "swept"),
    [
        ([], 8, ("optimizer", "optimizer.lr", "dropout", "epochs")),
        (["optimizer.lr=0.3"], 4, ("optimizer", "dropout", "epochs")),
        (["optimizer=momentum"], 2, ("dropout", "epochs")),
        (["optimizer.name=momentum"], 2, ("dropout", "epochs")),
        (["dropout=0.1"], 8, ("optimizer", "optimizer.lr", "epochs")),
        (["dropout=0.1", "epochs=3"], 4, ("optimizer", "optimizer.lr")),
        (["dropout=0.1,0.2"], 16, ("optimizer", "optimizer.lr", "epochs", "dropout")),
        (["optimizer=momentum,nesterov"], 4, ("dropout", "epochs", "optimizer")),
        (["epochs=1..3", "batch_size=8,16"], 48, ("optimizer", "optimizer.lr", "dropout", "epochs", "batch_size")),
        (["sweep={}"], 1, ()),
        (["sweep={limit: [40, 50]}"], 2, ("limit",)),
        (["sweep={limit: [40, 50]}", "epochs=3"], 2, ("limit",)),
        (["sweep={limit: [40, 50]}", "epochs=3,4"], 4, ("limit", "epochs")),
    ],
)
def test_what_the_command_line_leaves_of_the_files_sweep(words, count, swept):
    found = study(FILE, *words)
    assert len(found.arms) == count
    assert found.swept == swept
    assert len(list(experiments(found))) == count


def test_a_value_from_the_command_line_is_in_every_arm():
    rates = {e.recipe.optimizer.lr for _, e in experiments(study(FILE, "optimizer.lr=0.3"))}
    assert rates == {0.3}
    chosen = {e.recipe.optimizer.name() for _, e in experiments(study(FILE, "optimizer.lr=0.3"))}
    assert chosen == {"adam", "sgd"}
    found = study("optimizer: {name: adam, b1: 0.5}", "optimizer.lr=0.3", "optimizer=adam,sgd")
    assert [e.config["optimizer"]["lr"] for _, e in experiments(found)] == [0.3, 0.3]
    variants = "sweep: {variants: [{name: a, optimizer: sgd, optimizer.lr: 1, epochs: 3}, {name: b, epochs: 4}]}"
    found = study(variants, "optimizer.lr=0.3")
    assert [(e.config["optimizer"]["name"], e.config["optimizer"]["lr"]) for _, e in experiments(found)] == [
        ("sgd", 0.3), ("adam", 0.3)
    ]  # fmt: skip


def test_parts_that_become_empty_vanish():
    text = "sweep: {zip: {epochs: [1, 2]}, variants: [{name: a}, {name: b, epochs: 3}]}"
    assert refusal(text).startswith("f.yaml:1: sweep.variants: epochs stands in two places")
    for text in (
        "sweep: {zip: {epochs: [1, 2]}}",
        "sweep: {variants: [{name: a}, {name: b, epochs: 3}]}",
        "sweep: {sample: {count: 5, keys: {epochs: 1..99}}}",
        "sweep: {}",
    ):
        found = study(text, "epochs=9")
        assert (len(found.arms), found.several) == (1, False)
        ((_, experiment),) = experiments(found)
        assert experiment.recipe.epochs == 9


def test_sweeps_as_arguments_of_python():
    found = study("epochs: 1", sweep={"dropout": [0, 0.5], "optimizer.lr": {"log": [0.1, 1], "count": 2}}, seeds=2)
    assert len(list(experiments(found))) == 8
    assert refusal("{}", sweep={"dropout": 3}).startswith("argument: sweep.dropout: found 3, allowed: a list of values")
    assert refusal("{}", sweep={"dropout": [3]}).startswith("argument: dropout.rate: found 3, allowed: a number")
    assert refusal("{}", dropout=[0, 0.5]).startswith("argument: dropout: found a list, allowed: a name, a number")


def test_the_same_key_twice_is_refused():
    for words in (
        ["dropout=0.1", "dropout=0,1"],
        ["optimizer=sgd,adam", "optimizer.name=sgd"],
        ["seeds=2", "seeds=0,1"],
        ["sweep={}", "sweep={}"],
    ):
        with pytest.raises(UsageError, match="given twice; keep one of the two"):
            study("{}", *words)
    for words in (["sweep={epochs: [1, 2]}", "epochs=3"], ["sweep={epochs: [1, 2]}", "epochs=3,4"]):
        with pytest.raises(UsageError, match=r"^command line: sweep: epochs is given in it and by itself"):
            study("{}", *words)


@pytest.mark.parametrize("word", ["sweep.dropout=0,1", "sweep.dropout=[0,1]", "seeds.a=1"])
def test_seeds_and_sweep_have_no_fields(word):
    with pytest.raises(UsageError, match=r"^command line: (sweep.dropout|seeds.a): \w+ is given as a whole"):
        study("sweep: {epochs: [1, 2]}", word)


# Mistakes


def test_a_bad_value_names_its_line_and_its_arm():
    text = "dropout: 0.1\nsweep:\n  dropout:\n    - 0\n    - 1\n"
    assert refusal(text) == (
        "f.yaml:5: dropout.rate: found 1, allowed: a number at least 0 and below 1 (in the arm dropout=1)"
    )
    text = "sweep:\n  normalization: [none, batch]\nbatch_size: 1\n"
    message = refusal(text)
    assert message.startswith("f.yaml:3: batch_size: batch normalization")
    assert message.endswith("(in the arm normalization=batch)")
    assert refusal("epochs: 0\nseeds: 3").endswith("allowed: a whole number above 0")
    long = refusal(f"sweep: {{activation: [relu, {'x' * 3000}]}}")
    assert len(long) < 1000


def test_arms_that_are_the_same_experiment():
    assert refusal("sweep: {optimizer: [adam, {name: adam, lr: 1e-3}]}") == (
        "f.yaml: the arms 'optimizer=adam' and 'optimizer=adam+lr=0.001' are the same experiment, "
        "and comparing them would compare a run with itself; remove one of them"
    )
    text = "sweep: {variants: [{name: a, epochs: 3}, {name: b, epochs: 4}]}"
    assert "the arms 'a' and 'b' are the same" in refusal(text.replace("4", "3"))
    # The second seed of one arm may be the first of another.
    assert "are the same" in refusal("seeds: 2\nsweep: {variants: [{name: a}, {name: b, seed.init: 0}]}")


def test_too_many_runs_are_refused_before_they_are_listed():
    words = ["epochs=1..1000000000000", "seeds=10"]
    assert refusal("{}", *words) == (
        "f.yaml: the sweep has 10,000,000,000,000 runs (1,000,000,000,000 combinations x 10 seeds), "
        "more than the 10,000 of --max-runs"
    )
    assert (
        refusal("sweep: {epochs: 1..20000}") == "f.yaml: the sweep has 20,000 runs, more than the 10,000 of --max-runs"
    )
    assert refusal("seeds: 20000") == "f.yaml: 20,000 seeds are as many runs, more than the 10,000 of --max-runs"
    assert refusal("sweep: {sample: {count: 1000000000, keys: {dropout: {linear: [0, 1]}}}}").startswith(
        "f.yaml: the sweep has 1,000,000,000 runs"
    )
    assert len(study("seeds: 4\nsweep: {epochs: 1..3}", most=12).arms) == 3
    with pytest.raises(UsageError, match="12 runs"):
        study("seeds: 4\nsweep: {epochs: 1..3}", most=11)


def test_a_single_run_refuses_the_keys_of_a_study():
    for line in ("seeds: 3", "sweep: {epochs: [1]}", "tune: {epochs: [1]}"):
        key = line.partition(":")[0]
        with pytest.raises(UsageError, match=f"^f.yaml:1: {key}: describes several runs"):
            resolve(parse(line, "f.yaml"))


# Tuning


def test_tuning_is_read_only_where_it_is_asked_for():
    code = (
        "import sys; from dltricks.experiment.document import parse; from dltricks.experiment.study import read_study;"
        "read_study(parse('seeds: 3\\ntune: {}', 'f')); assert 'dltricks.experiment.tuning' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_tuning():
    text = "tune: {optimizer.lr: [0.1, 0.2], seeds: 2}"
    found = study(text)
    assert found.several
    assert found.tune is not None
    assert "tune" not in found.document.value
    assert study(text, "tune={}").tune is None
    assert study("{}", tune={"epochs": [1, 2]}).tune is not None
    both = f"{text}\nsweep: {{optimizer.lr: [1, 2]}}"
    assert refusal(both) == "f.yaml:1: tune.optimizer.lr: is swept, too; keep one of the two"
    assert study(both, "optimizer.lr=0.3").tune is not None
    assert study(f"{text}\nsweep: {{optimizer: [adam, sgd]}}").tune is not None


# Laws

short = st.lists(st.integers(1, 50), min_size=1, max_size=3, unique=True)
forms = st.one_of(
    short,
    st.builds(lambda first, more: f"{first}..{first + more}", st.integers(1, 9), st.integers(0, 3)),
    st.builds(
        lambda first, count: {"linear": [first, first + 60], "count": count}, st.integers(1, 9), st.integers(2, 4)
    ),
)
keys = st.sampled_from(["epochs", "limit", "optimizer.lr", "clipping", "early_stopping.patience"])


@settings(max_examples=60)
@given(st.dictionaries(keys, forms, max_size=3), st.integers(1, 3), st.booleans())
def test_as_many_runs_as_were_counted(sweep, number, sample):
    if sample:
        sweep["sample"] = {"count": 3, "keys": {"dropout": {"linear": [0, 0.9]}}}
    found = study("{}", sweep=sweep, seeds=number)
    runs = len(found.arms) * number
    assert len({arm.label for arm in found.arms}) == len(found.arms)
    study("{}", sweep=sweep, seeds=number, most=runs)
    with pytest.raises(UsageError, match=f"{runs:,} (runs|seeds)"):
        study("{}", sweep=sweep, seeds=number, most=runs - 1)
