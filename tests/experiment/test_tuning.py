"""What `tune` may say, which points each arm tries, which of them wins, and how a grid goes on beyond its edge."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from dltricks.core.errors import DamagedError, UsageError
from dltricks.experiment.arm import Arm
from dltricks.experiment.document import parse
from dltricks.experiment.grids import Edge, Grid
from dltricks.experiment.overrides import Override, from_arguments
from dltricks.experiment.resolve import resolve
from dltricks.experiment.settings import TUNING_SEEDS
from dltricks.experiment.tuning import (
    MOST_POINTS,
    Choice,
    Tried,
    Tuned,
    Tuning,
    applies,
    candidates,
    choose,
    extended,
    larger_is_better,
    metric_of,
    plan_hash,
    read_tuning,
    tuning_notes,
)

BASE = "dropout: 0.5\nclipping: {name: norm, threshold: 2.0}\noptimizer: {name: adam, lr: 0.01}\n"
DOCUMENT = parse(BASE, "f.yaml")
LR = Grid("optimizer.lr", (0.1, 1.0, 10.0), "log")
REGRESSION = "dataset: {name: csv, path: t.csv, target: y, task: regression}\n"


def read(text):
    document = parse(text, "f.yaml")
    return read_tuning(document, document.value["tune"])


def refusal(text):
    with pytest.raises(UsageError) as error:
        read(text)
    return str(error.value)


def arm(label="", **changes):
    """An arm with its experiment; `_` in a key stands for the dot."""
    overrides = tuple(from_arguments({key.replace("_", "."): value for key, value in changes.items()}))
    return Arm(label, {}, overrides), resolve(DOCUMENT, overrides)


def always(key, value):
    return True


def test_a_whole_tuning():
    found = read(
        "tune:\n  optimizer.lr: {log: [1e-3, 1], count: 4}\n  dropout.rate: {linear: [0, 0.5], count: 3}\n"
        "  activation: [relu, tanh]\n  seeds: 5\n  extend: true\n  metric: val_loss\n"
    )
    assert found == Tuning(
        (
            Grid("optimizer.lr", (0.001, 0.01, 0.1, 1), "log"),
            Grid("dropout.rate", (0, 0.25, 0.5), "linear"),
            Grid("activation", ("relu", "tanh"), "list"),
        ),
        seeds=5,
        extend=True,
        metric="val_loss",
    )
    assert list(found.numbers) == [TUNING_SEEDS + i for i in range(5)]


def test_what_is_left_out_has_a_default():
    found = read("tune: {batch_size: 3..6}")
    assert found == Tuning((Grid("batch_size", (3, 4, 5, 6), "linear"),), 3, False, None)


def test_a_grid_ascends_and_a_list_stays():
    found = read("tune: {optimizer.lr: {log: [1, 1e-2], count: 3}, epochs: [20, 5, 10]}")
    assert [grid.values for grid in found.grids] == [(0.01, 0.1, 1), (20, 5, 10)]


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ("[1]", "tune: found a list, allowed: a mapping such as {optimizer.lr"),
        ("{seeds: 3}", "tune: there is nothing to tune"),
        ("{optimiser.lr: [1, 2]}", "tune.optimiser.lr: unknown key to tune 'optimiser'; did you mean 'optimizer'"),
        ("{seed: [1, 2]}", "tune.seed: unknown key to tune 'seed'; did you mean 'seeds'"),
        ("{dataset: [digits, moons]}", "tune.dataset: unknown key to tune 'dataset'"),
        ("{validation: [0.1, 0.2]}", "tune.validation: unknown key to tune"),
        ("{optimizer.name: [sgd, adam]}", "tune.optimizer.name: write optimizer instead"),
        ("{epochs.x: [1, 2]}", "tune.epochs.x: epochs has no fields to tune; write epochs: [values]"),
        ("{augmentation.p: [1, 2]}", "tune.augmentation.p: augmentation has no fields to tune"),
        ("{optimizer.: [1, 2]}", "tune.optimizer.: expected key or key.sub, found 'optimizer.'"),
        ("{optimizer.lr.x: [1, 2]}", "expected key or key.sub"),
        ("{dropout: [0, 0.5], dropout.rate: [0, 0.5]}", "tune.dropout: tuned together with its own field dropout.rate"),
        ("{optimizer.lr: 0.1}", "tune.optimizer.lr: found 0.1, allowed: a list"),
        ("{optimizer.lr: [0.1]}", "tune.optimizer.lr: found 1 value, allowed: from 2 to 10000"),
        ("{epochs: 7..7}", "tune.epochs: found 1 value, allowed"),
        ("{epochs: 1..1000000000}", "found 1000000000 values, allowed: from 2 to 10000"),
        ("{epochs: 1..200, batch_size: 1..200}", "tune: the grids have 40000 points together, allowed: at most 10000"),
        ("{optimizer.lr: {log: [1, 1.00001], count: 9}}", "tune.optimizer.lr: the values lie closer together"),
        ("{optimizer.lr: {log: [0, 1], count: 9}}", "tune.optimizer.lr.log: "),
        ("{optimizer.lr: [1, 2], seeds: 0}", "tune.seeds: found 0, allowed: how many seeds"),
        ("{optimizer.lr: [1, 2], seeds: true}", "tune.seeds: found true"),
        ("{optimizer.lr: [1, 2], seeds: 3.0}", "tune.seeds: found 3.0"),
        ("{optimizer.lr: [1, 2], seeds: 1001}", "tune.seeds: found 1001"),
        ("{optimizer.lr: [1, 2], extend: 1}", "tune.extend: found 1, allowed: true or false"),
        ("{optimizer.lr: [1, 2], metric: val_los}", "tune.metric: unknown metric 'val_los'; did you mean 'val_loss'"),
        ("{optimizer.lr: [1, 2], metric: test_loss}", "tune.metric: unknown metric 'test_loss'"),
        ("{optimizer.lr: [1, 2], metric: null}", "tune.metric: found nothing"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tune, message):
    found = refusal(f"epochs: 1\ntune: {tune}\n")
    assert found.startswith("f.yaml:2: tune")
    assert message in found


def test_every_mistake_is_named_at_once():
    found = refusal("tune:\n  optimizer.lr: 1\n  lr: [1, 2]\n  seeds: x\n").splitlines()
    assert [line.split(": ")[:2] for line in found] == [
        ["f.yaml:2", "tune.optimizer.lr"],
        ["f.yaml:3", "tune.lr"],
        ["f.yaml:4", "tune.seeds"],
    ]


def test_as_many_points_as_allowed():
    found = read("tune: {epochs: 1..100, batch_size: 1..100}")
    assert math.prod(len(grid.values) for grid in found.grids) == MOST_POINTS


def test_the_metric_fits_the_task(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i},{i / 2}\n" for i in range(20)))
    numbers = parse(REGRESSION, "f.yaml")
    numbers.path = tmp_path / "f.yaml"
    of_classes, of_numbers = resolve(DOCUMENT), resolve(numbers)
    tuning = Tuning((LR,))
    assert metric_of(tuning, DOCUMENT, of_classes) == "val_accuracy"
    assert metric_of(tuning, DOCUMENT, of_numbers) == "val_loss"
    for metric, experiment in (("val_loss", of_classes), ("val_rmse", of_numbers)):
        assert metric_of(replace(tuning, metric=metric), DOCUMENT, experiment) == metric
    with pytest.raises(UsageError, match="val_rmse is not measured in classification; write metric: val_accuracy or"):
        metric_of(replace(tuning, metric="val_rmse"), DOCUMENT, of_classes)
    with pytest.raises(UsageError, match="val_accuracy is not measured in regression; write metric: val_rmse or"):
        metric_of(replace(tuning, metric="val_accuracy"), DOCUMENT, of_numbers)


def test_losses_are_not_compared_by_their_own_values():
    tuning = Tuning((Grid("loss.smoothing", (0, 0.1), "list"),), metric="val_loss")
    with pytest.raises(UsageError, match="val_loss cannot choose between losses; write metric: val_accuracy"):
        metric_of(tuning, DOCUMENT, resolve(DOCUMENT))
    assert metric_of(replace(tuning, metric=None), DOCUMENT, resolve(DOCUMENT)) == "val_accuracy"


def test_without_validation_there_is_nothing_to_choose_by():
    with pytest.raises(UsageError, match="validation: 0 leaves none"):
        metric_of(Tuning((LR,)), DOCUMENT, resolve(DOCUMENT, from_arguments({"validation": 0})))


def test_only_accuracy_grows_with_quality():
    assert [larger_is_better(f"val_{name}") for name in ("accuracy", "loss", "rmse")] == [True, False, False]


THRESHOLD = Grid("clipping.threshold", (0.5, 1.0), "list")
RATE = Grid("dropout.rate", (0.1, 0.2), "list")


@pytest.mark.parametrize(
    ("grid", "changes", "expected"),
    [
        (THRESHOLD, {}, True),
        # An override would switch clipping on again.
        (THRESHOLD, {"clipping": "none"}, False),
        (THRESHOLD, {"clipping": "adaptive"}, False),
        (THRESHOLD, {"clipping": {"name": "value"}}, True),
        (Grid("optimizer.b1", (0.8, 0.9), "list"), {}, True),
        (Grid("optimizer.b1", (0.8, 0.9), "list"), {"optimizer": "sgd"}, False),
        # What an arm gives with a component is its fixed value, and judged beside the tuned one.
        (LR, {"optimizer": {"name": "sgd", "lr": 0.5}}, True),
        # What an arm is about is not tuned away.
        (LR, {"optimizer_lr": 0.5}, False),
        (RATE, {"dropout": 0.3}, False),
        (RATE, {"dropout": {"name": "gaussian"}}, True),
        (RATE, {"dropout_rate": 0.3}, False),
        (Grid("dropout", (0.1, 0.2), "list"), {"dropout": "none"}, False),
        (Grid("dropout", (0.1, 0.2), "list"), {"dropout_rate": 0.3}, False),
        (Grid("dropout", (0.1, 0.2), "list"), {"clipping": "none"}, True),
        (Grid("epochs", (1, 2), "list"), {}, True),
        (Grid("epochs", (1, 2), "list"), {"epochs": 5}, False),
        (Grid("schedule.warmup", (0, 2), "list"), {}, True),
    ],
)
def test_a_key_is_tuned_where_the_arm_leaves_it_free(grid, changes, expected):
    one, experiment = arm(**changes)
    assert applies(grid, one, experiment) is expected
    found = candidates(Tuning((grid,)), DOCUMENT, one, experiment)
    assert [list(candidate.point) for candidate in found] == ([[grid.key]] * len(grid.values) if expected else [[]])
    # Where it applies it decides what it says and nothing else; where not, the arm stays as it is.
    for candidate in found:
        config = resolve(DOCUMENT, (*one.changes, *candidate.overrides)).config
        changed = {key for key, value in config.items() if value != experiment.config[key]}
        assert changed <= {grid.where[0]}
        if len(grid.where) == 2 and expected:
            assert config[grid.where[0]]["name"] == experiment.config[grid.where[0]]["name"]
            assert config[grid.where[0]][grid.where[1]] == candidate.point[grid.key]


def test_arms_that_do_not_tune_a_key_are_named():
    arms = [arm("a"), arm("b", clipping="none"), arm("c", clipping="none"), arm("d", clipping=1.0)]
    assert tuning_notes(Tuning((LR, THRESHOLD)), DOCUMENT, arms) == (
        "clipping.threshold is not tuned in 'b', 'c': clipping none has no fields",
        "clipping.threshold is not tuned in 'd': the arm itself sets clipping",
    )


def test_many_arms_are_counted():
    arms = [arm("a"), *(arm(f"b{i}", clipping="none") for i in range(5))]
    assert tuning_notes(Tuning((THRESHOLD,)), DOCUMENT, arms) == (
        "clipping.threshold is not tuned in 'b0', 'b1', 'b2', 2 other arms: clipping none has no fields",
    )


def test_a_key_that_no_arm_tunes_is_a_mistake():
    tuning = Tuning((Grid("optimizer.lrr", (1, 2), "list"), LR))
    with pytest.raises(UsageError) as error:
        tuning_notes(tuning, DOCUMENT, [arm("a"), arm("b")])
    assert str(error.value).startswith(
        "f.yaml: tune.optimizer.lrr: unknown field of optimizer adam 'lrr'; did you mean 'lr'? (allowed: lr,"
    )


def test_tuning_by_the_test_part_is_noted():
    assert tuning_notes(Tuning((LR,)), DOCUMENT, [arm("a")]) == ()
    (note,) = tuning_notes(Tuning((LR,)), DOCUMENT, [arm("a"), arm("b", validation="test")])
    assert note.startswith("validation: test lets tuning choose by the test part")


def test_candidates_are_the_product_of_the_grids():
    tuning = Tuning((Grid("optimizer.lr", (0.1, 1.0), "log"), Grid("dropout.rate", (0, 0.2, 0.4), "linear")))
    found = candidates(tuning, DOCUMENT, *arm())
    assert [tuple(candidate.point.values()) for candidate in found] == [
        (0.1, 0),
        (0.1, 0.2),
        (0.1, 0.4),
        (1.0, 0),
        (1.0, 0.2),
        (1.0, 0.4),
    ]
    assert found[1].overrides == (
        Override(("optimizer", "lr"), 0.1, "f.yaml"),
        Override(("dropout", "rate"), 0.2, "f.yaml"),
    )


def best(results, larger=True, grid=LR):
    points = [{grid.key: value} for value in grid.values]
    return choose(Tuning((grid,)), points, results, larger)


def test_the_best_mean_wins():
    found = best([[0.5, 0.7], [0.8, 0.6], [0.9, 0.2]])
    assert found.point == {"optimizer.lr": 1.0}
    assert found.mean == pytest.approx(0.7)
    assert found.edges == ()
    assert [(tried.point["optimizer.lr"], tried.diverged) for tried in found.table] == [(0.1, 0), (1.0, 0), (10.0, 0)]
    assert [tried.mean for tried in found.table] == pytest.approx([0.6, 0.7, 0.55])
    # The same numbers as losses: the smallest mean.
    assert best([[0.5, 0.7], [0.8, 0.6], [0.9, 0.2]], larger=False).point == {"optimizer.lr": 10.0}


def test_the_fewest_diverged_runs_come_first():
    found = best([[0.1, 0.1, 0.1], [0.9, None, 0.9], [0.2, 0.9, math.nan]])
    assert found.point == {"optimizer.lr": 0.1}
    assert [tried.diverged for tried in found.table] == [0, 1, 1]
    assert [tried.mean for tried in found.table] == pytest.approx([0.1, 0.9, 0.55])
    assert best([[None, 0.9], [0.1, None], [math.inf, None]]).point == {"optimizer.lr": 0.1}


def test_equals_are_decided_by_the_order_of_the_grid():
    assert best([[0.1], [0.5], [0.5]]).point == {"optimizer.lr": 1.0}


def test_where_everything_diverges_there_is_no_mean():
    found = best([[None], [math.nan], [math.inf]])
    assert (found.point, found.mean) == ({"optimizer.lr": 0.1}, None)
    assert [tried.diverged for tried in found.table] == [1, 1, 1]


@pytest.mark.parametrize(
    ("values", "chosen", "sides"),
    [
        ((0.1, 1.0, 10.0), 0, ["smallest"]),
        ((0.1, 1.0, 10.0), 1, []),
        ((0.1, 1.0, 10.0), 2, ["largest"]),
        ((5, 1, 3), 0, ["largest"]),
        ((5, 1, 3), 1, ["smallest"]),
        ((5, 1, 3), 2, []),
        (("relu", "tanh"), 0, []),
        ((False, True), 0, []),
        ((0.5, "none"), 0, []),
    ],
)
def test_the_edges_of_numbers_are_flagged(values, chosen, sides):
    grid = Grid("optimizer.lr", values, "list")
    found = best([[float(i == chosen)] for i in range(len(values))], grid=grid)
    assert found.point == {"optimizer.lr": values[chosen]}
    assert found.edges == tuple(Edge("optimizer.lr", side) for side in sides)


def test_each_key_has_its_own_edge():
    tuning = Tuning((LR, RATE))
    points = [{"optimizer.lr": lr, "dropout.rate": rate} for lr in LR.values for rate in RATE.values]
    found = choose(tuning, points, [[float(i == 1)] for i in range(6)], True)
    assert found.edges == (Edge("optimizer.lr", "smallest"), Edge("dropout.rate", "largest"))
    # A key that the arm does not tune has none.
    assert choose(tuning, [{}], [[0.5]], True).edges == ()


def test_a_log_grid_goes_on_with_its_ratio():
    tuning = Tuning((Grid("optimizer.lr", (0.01, 0.1, 1), "log"), RATE))
    found = extended(tuning, [Edge("optimizer.lr", "largest")], always)
    assert found.grids == (Grid("optimizer.lr", (0.01, 0.1, 1, 10, 100), "log", above=2), RATE)
    found = extended(found, [Edge("optimizer.lr", "smallest")], always)
    assert found.grids[0] == Grid("optimizer.lr", (0.0001, 0.001, 0.01, 0.1, 1, 10, 100), "log", 2, 2)


def test_arms_at_both_edges_extend_both_sides():
    edges = [Edge("optimizer.lr", "largest"), Edge("optimizer.lr", "smallest"), Edge("optimizer.lr", "largest")]
    assert extended(Tuning((LR,)), edges, always).grids[0].values == (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)


def test_each_side_grows_by_as_many_values_as_were_asked_for():
    tuning = Tuning((LR,))
    edge = [Edge("optimizer.lr", "largest")]
    first = extended(tuning, edge, always)
    second = extended(first, edge, always)
    assert first.grids[0].values == (0.1, 1.0, 10.0, 100.0, 1000.0)
    assert second.grids[0].values == (0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)
    assert extended(second, edge, always) is None
    assert extended(second, [Edge("optimizer.lr", "smallest")], always) is not None


def test_a_bound_ends_the_extension():
    tuning = Tuning((Grid("dropout.rate", (0.5, 0.7), "linear"),))
    edge = [Edge("dropout.rate", "largest")]

    def below_one(key, value):
        assert key == "dropout.rate"
        return value < 1

    found = extended(tuning, edge, below_one)
    assert found.grids[0] == Grid("dropout.rate", (0.5, 0.7, 0.9), "linear", above=1)
    assert extended(found, edge, below_one) is None


def test_lists_are_not_extended():
    assert extended(Tuning((RATE,)), [Edge("dropout.rate", "largest")], always) is None
    assert extended(Tuning((LR,)), [], always) is None


def test_the_plan_is_recognised():
    tuning = Tuning((LR,), metric="val_loss")
    arms = {"a": "11", "b": "22"}
    first = plan_hash(arms, tuning, "val_loss")
    assert plan_hash({"b": "22", "a": "11"}, Tuning((LR,), metric="val_loss"), "val_loss") == first
    others = [
        plan_hash({"a": "11", "b": "23"}, tuning, "val_loss"),
        plan_hash({"a": "11"}, tuning, "val_loss"),
        plan_hash(arms, replace(tuning, seeds=4), "val_loss"),
        plan_hash(arms, replace(tuning, extend=True), "val_loss"),
        plan_hash(arms, tuning, "val_accuracy"),
        plan_hash(arms, Tuning((replace(LR, values=(0.1, 1.0)),), metric="val_loss"), "val_loss"),
    ]
    assert len({first, *others}) == 7
    assert len(first) == 64


TUNED = Tuned(
    plan="ab12",
    metric="val_accuracy",
    tuning=Tuning((replace(LR, values=(0.1, 1.0, 10.0, 100.0), above=1), Grid("loss", ("mse",), "list")), 2, True),
    choices={
        "plain": Choice(
            {"optimizer.lr": 100.0, "clipping": {"name": "norm"}},
            0.5,
            (Edge("optimizer.lr", "largest"),),
            (Tried({"optimizer.lr": 0.1}, None, 2), Tried({"optimizer.lr": 100.0}, 0.5, 0)),
        ),
        "none": Choice({}, None, (), (Tried({}, None, 2),)),
    },
)


def test_a_frozen_choice_reads_back():
    assert Tuned.from_json(json.loads(json.dumps(TUNED.to_json()))) == TUNED


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop("plan"),
        lambda values: values["tuning"].pop("grids"),
        lambda values: values["tuning"].update(more=1),
        lambda values: values["choices"]["plain"].update(edges=[{"key": "x"}]),
        lambda values: values.update(choices=[]),
    ],
)
def test_a_damaged_choice_is_refused(change):
    values = TUNED.to_json()
    change(values)
    with pytest.raises(DamagedError, match="not the result of a tuning"):
        Tuned.from_json(values)
