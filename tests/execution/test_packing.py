from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from execution.plans import experiment, runs_of
from hypothesis import given, settings
from hypothesis import strategies as st

from dltricks.core.component import numeric_fields
from dltricks.core.errors import UsageError
from dltricks.core.registry import KINDS
from dltricks.engine.trainer import Trainer
from dltricks.execution import packing
from dltricks.execution.data import Datasets
from dltricks.execution.measure import LARGEST, Measured
from dltricks.execution.packing import BESIDE, FILES, ONE_BY_ONE, START, Plan, pack, stack_key
from dltricks.execution.task import PlannedRun
from dltricks.experiment.resolve import Experiment

FULL: dict[str, Any] = {
    "averaging": {"name": "ema", "decay": 0.9},
    "clipping": 1.0,
    "dropout": 0.2,
    "normalization": "batch",
    "penalty": {"name": "l2", "strength": 0.1},
}

SAME: list[dict[str, Any]] = [
    {"seed": 1},
    {"seed": {"init": 1, "data": 7, "split": 3}},
    {"name": "other"},
    {"checkpoint_seconds": 9},
    {"expect": {"val_loss": "< 9"}},
    {"dropout": 0.7},
    {"dropout": 0},
    {"clipping": 0.1},
    {"optimizer": {"name": "adam", "lr": 1.0, "b1": 0.5, "eps": 1e-5}},
    {"penalty": {"name": "l2", "strength": 7.0}},
    {"averaging": {"name": "ema", "decay": 0.5}},
    {"normalization": {"name": "batch", "eps": 0.1, "momentum": 0.5}},
    {"loss": {"name": "cross_entropy", "smoothing": 0.1}},
    {"scaling": "standardize"},
    {"augmentation": ["noise", "mixup"]},
    {"schedule": {"name": "step", "every": 2}},
    {"schedule": {"name": "plateau", "warmup": 1.0}},
    {"early_stopping": {"patience": 3, "monitor": "train_loss"}},
    {"initializer": "glorot"},
    {"initializer": {"name": "orthogonal", "gain": 2.0}},
]
OTHER: list[dict[str, Any]] = [
    {"epochs": 4},
    {"batch_size": 17},
    {"batch_size": "full"},
    {"dtype": "float64"},
    {"limit": 61},
    {"limit": "none"},
    {"monitor": "layers"},
    {"validation": 0.2},
    {"validation": 0},
    {"dataset": "moons", "limit": "none"},
    {"architecture": {"name": "mlp", "hidden": [9]}},
    {"architecture": {"name": "mlp", "hidden": [8, 8]}},
    {"architecture": "linear"},
    {"activation": "tanh"},
    {"dropout": {"name": "gaussian", "rate": 0.2}},
    {"normalization": "layer"},
    {"clipping": {"name": "value", "threshold": 1.0}},
    {"optimizer": "sgd"},
    {"penalty": {"name": "l1", "strength": 0.1}},
    {"averaging": "none"},
    {"initializer": "lsuv"},
]


def keyed(folder: Path, **values: Any) -> tuple[Any, ...]:
    return stack_key(experiment(folder, **{**FULL, **values}).recipe)


@pytest.mark.parametrize("values", SAME, ids=str)
def test_what_may_share_a_stack(tmp_path: Path, values: dict[str, Any]) -> None:
    """What may, can: the engine takes them together."""
    try:
        pair = [experiment(tmp_path, **FULL), experiment(tmp_path, **{**FULL, **values})]
    except UsageError as error:
        pytest.fail(str(error))
    first, second = (stack_key(each.recipe) for each in pair)
    assert first == second
    assert hash(first) == hash(second)
    Trainer([each.recipe for each in pair], [Datasets().load(each) for each in pair])


@pytest.mark.parametrize("values", OTHER, ids=str)
def test_what_needs_another_stack(tmp_path: Path, values: dict[str, Any]) -> None:
    try:
        other = keyed(tmp_path, **values)
    except UsageError as error:
        pytest.fail(str(error))
    assert other != keyed(tmp_path)


def test_data_decide_only_for_what_draws_from_them(tmp_path: Path) -> None:
    lsuv = {"initializer": "lsuv"}
    assert keyed(tmp_path, **lsuv) == keyed(tmp_path, **lsuv, seed=1, scaling="symmetric")
    assert keyed(tmp_path, **lsuv) != keyed(tmp_path, initializer="he")


def test_every_field_of_every_part_of_a_stack_counts(tmp_path: Path) -> None:
    """Of each kind that is stacked, a change in any field but a float one makes another key."""
    recipe = experiment(tmp_path, **FULL, initializer="lsuv").recipe
    seen = 0
    for kind in set(KINDS) - ONE_BY_ONE:
        part = getattr(recipe, kind)
        for name in part.__dataclass_fields__:
            changed = replace(part, **{name: Unequal(getattr(part, name))})
            equal = stack_key(replace(recipe, **{kind: changed})) == stack_key(recipe)
            assert equal == (name in numeric_fields(type(part)) and kind != "dataset"), f"{kind}.{name}"
            seen += 1
    assert seen >= 10


@dataclass
class Unequal:
    """Some other value in place of one."""

    value: Any = field(default=None)


# Whole plans, whose measurements are given


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> list[Experiment]:
    """Of five groups."""
    folder = tmp_path_factory.mktemp("recipes")
    return [experiment(folder, architecture={"name": "mlp", "hidden": [width]}) for width in range(1, 6)]


def plan_of(groups: Sequence[int], recipes: Sequence[Experiment]) -> list[PlannedRun]:
    """Runs of the groups with these numbers."""
    return runs_of(Path("runs"), [recipes[group] for group in groups])


Given = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def given_sizes(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Answers the measurements with a size and the seconds of each run, and lists what was asked."""

    def begin(size: int, seconds: float, memory: int | None = None) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def measure(
            experiments: Sequence[Experiment], datasets: Datasets, most: int, memory: int | None, left: float
        ) -> Measured:
            asked.append({"runs": len(experiments), "most": most, "memory": memory, "left": left})
            (width,) = experiments[0].recipe.architecture.hidden
            return Measured(min(size, most), seconds * width)

        monkeypatch.setattr(packing, "measure", measure)
        monkeypatch.setattr(packing.memory, "available", lambda: memory)
        return asked

    return begin


@settings(max_examples=60)
@given(
    groups=st.lists(st.integers(0, 4), max_size=200),
    done=st.sets(st.integers(0, 250), max_size=50),
    size=st.integers(1, LARGEST),
    seconds=st.floats(1e-6, 1e3),
    workers=st.integers(1, 8),
    chosen=st.booleans(),
)
def test_every_run_is_in_one_task(
    recipes: list[Experiment],
    given_sizes: Given,
    groups: list[int],
    done: set[int],
    size: int,
    seconds: float,
    workers: int,
    chosen: bool,
) -> None:
    given_sizes(size, seconds)
    runs = plan_of(groups, recipes)
    ended = {number: "finished" for number in done if number < len(runs)}
    found = pack(runs, ended, Datasets(), workers=workers, chosen=chosen, data_dir=Path("data"))
    assert found.runs == tuple(runs)
    assert found.done == ended
    in_tasks = Counter(run.number for task in found.tasks for run in task.runs)
    assert in_tasks == {run.number: 1 for run in runs if run.number not in ended}
    assert all(task.data_dir == Path("data") and task.attempt == 1 for task in found.tasks)
    assert 1 <= found.workers <= max(1, min(workers, len(found.tasks)))
    for group in found.groups:
        keys = {stack_key(run.experiment.recipe) for run in group.runs}
        assert len(keys) == 1
        lengths = [
            len(task.runs) for task in found.tasks if stack_key(task.runs[0].experiment.recipe) == next(iter(keys))
        ]
        assert sum(lengths) == len(group.runs)
        assert max(lengths) - min(lengths) <= 1
        assert max(lengths) <= group.size <= size
    assert_makespan(found)


def assert_makespan(plan: Plan) -> None:
    """Longest first, and the time is that of the worker who ends last when each takes the next when it is free."""
    seconds = {run.number: group.seconds for group in plan.groups for run in group.runs}
    lengths = [sum(seconds[run.number] for run in task.runs) for task in plan.tasks]
    assert all(one >= other * (1 - 1e-9) for one, other in pairwise(lengths))
    ends = [0.0] * plan.workers
    for length in lengths:
        ends[ends.index(min(ends))] += length
    assert plan.seconds == pytest.approx(max(ends))


def test_stacks_are_shared_out_among_the_workers(recipes: list[Experiment], given_sizes: Given) -> None:
    asked = given_sizes(64, 10.0)
    found = pack(plan_of([0] * 40, recipes), {}, Datasets(), workers=2)
    assert [len(task.runs) for task in found.tasks] == [20, 20]
    assert (found.workers, asked[0]["most"]) == (2, 20)
    assert found.seconds == pytest.approx(20 * (10 * BESIDE + FILES))
    # Of several groups none is cut that need not be.
    found = pack(plan_of([0] * 10 + [4] * 10, recipes), {}, Datasets(), workers=2)
    assert Counter(len(task.runs) for task in found.tasks) == {10: 1, 5: 2}
    assert [task.runs[0].experiment for task in found.tasks] == [recipes[4], recipes[4], recipes[0]]


@pytest.mark.parametrize(
    ("seconds", "chosen", "workers"),
    [
        (START, False, 1),
        ((2 * START - 4 * FILES) / BESIDE - 0.01, False, 1),
        ((2 * START - 4 * FILES) / BESIDE + 0.01, False, 2),
        (1e-6, True, 2),
    ],
)
def test_little_work_is_done_by_one_unless_the_user_says(
    recipes: list[Experiment], given_sizes: Given, seconds: float, chosen: bool, workers: int
) -> None:
    given_sizes(64, seconds / 4)
    found = pack(plan_of([0] * 4, recipes), {}, Datasets(), workers=2, chosen=chosen)
    assert found.workers == workers


def test_no_more_workers_than_runs(recipes: list[Experiment], given_sizes: Given) -> None:
    given_sizes(64, 100.0)
    assert pack(plan_of([0], recipes), {}, Datasets(), workers=8, chosen=True).workers == 1


def test_nothing_is_left_to_do(recipes: list[Experiment], given_sizes: Given) -> None:
    asked = given_sizes(64, 1.0)
    done = {0: "finished", 1: "diverged", 2: "damaged"}
    found = pack(plan_of([0, 0, 1], recipes), done, Datasets(), workers=2)
    assert (found.tasks, found.groups, found.seconds, found.workers, found.done) == ((), (), 0.0, 1, done)
    assert asked == []


def test_each_worker_gets_its_part_of_the_memory(recipes: list[Experiment], given_sizes: Given) -> None:
    asked = given_sizes(64, 1.0, memory=1000)
    pack(plan_of([0, 1], recipes), {}, Datasets(), workers=4)
    assert [each["memory"] for each in asked] == [125, 125]


def test_measuring_stops_when_its_time_is_up(
    tmp_path: Path, recipes: list[Experiment], given_sizes: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand groups, of which a few are measured and the others are taken to be like them."""
    asked = given_sizes(4, 1.0)
    clock = {"now": 5.0}
    measure = packing.measure

    def slow(*args: Any) -> Measured:
        clock["now"] += packing.SECONDS / 3
        return measure(*args)

    def built(experiments: Sequence[Experiment], datasets: Datasets) -> None:
        clock["now"] += packing.SECONDS / 8
        tried.append(experiments[0])

    tried: list[Experiment] = []
    monkeypatch.setattr(packing, "measure", slow)
    monkeypatch.setattr(packing, "build", built)
    monkeypatch.setattr(packing.time, "perf_counter", lambda: clock["now"])
    first = recipes[0]
    many = [
        replace(first, recipe=replace(first.recipe, batch_size=2 + number // 2, limit=None)) for number in range(2000)
    ]
    found = pack(runs_of(tmp_path, many), {}, Datasets(), workers=2)
    assert 3 <= len(asked) <= 4
    # A few more are at least built, for what is refused then is refused before anything is written.
    assert 1 <= len(tried) <= 5
    assert tried[0] is many[2 * len(asked)]
    assert [each["left"] for each in asked[:2]] == pytest.approx([packing.SECONDS / 1000, packing.SECONDS / 1.5 / 999])
    assert len(found.groups) == 1000
    assert {group.size for group in found.groups} == {2}
    assert {group.seconds for group in found.groups} == {BESIDE + FILES}
    assert len(found.tasks) == 1000


def test_a_class_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of runs: reading type hints takes longer than all the rest of planning a run."""
    recipe = experiment(tmp_path, **FULL).recipe
    looked: list[type[Any]] = []
    monkeypatch.setattr(packing, "_shared", {})
    monkeypatch.setattr(packing, "numeric_fields", lambda cls: looked.append(cls) or numeric_fields(cls))
    keys = {stack_key(replace(recipe, batch_size=2 + number)) for number in range(50)}
    assert len(keys) == 50
    assert len(looked) == len(set(looked)) > 0


def test_groups_that_were_not_measured_are_like_the_others(
    recipes: list[Experiment], given_sizes: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_sizes(6, 1.0)
    times = iter([0.0, 0.0, 0.1, 1.0, 1.0])
    monkeypatch.setattr(packing.time, "perf_counter", lambda: next(times))
    groups = [0] * 8 + [1] * 3 + [4] * 8
    found = pack(plan_of(groups, recipes), {}, Datasets(), workers=1)
    assert [group.size for group in found.groups] == [6, 3, 3]
    steps = [(group.seconds - FILES) / BESIDE for group in found.groups]
    assert steps == pytest.approx([1, 2, 1.5])
    assert [len(task.runs) for task in found.tasks if task.runs[0].experiment is recipes[4]] == [3, 3, 2]


def test_a_real_plan(tmp_path: Path) -> None:
    runs = runs_of(tmp_path / "runs", [experiment(tmp_path, seed=seed, dropout=0.1 * (seed + 1)) for seed in range(6)])
    found = pack(runs, {2: "finished"}, Datasets(), workers=2, chosen=True)
    assert [len(task.runs) for task in found.tasks] == [3, 2]
    assert 0 < found.seconds < 3600
    with pytest.raises(UsageError, match="batch_size: 100 is more than the 60"):
        pack(runs_of(tmp_path / "runs", [experiment(tmp_path, batch_size=100)]), {}, Datasets(), workers=2)


def test_what_some_run_cannot_do_is_told_with_its_name(tmp_path: Path) -> None:
    """Of whichever group it is, and before it is measured."""
    plan = [experiment(tmp_path), experiment(tmp_path, batch_size=16), experiment(tmp_path, batch_size=61)]
    runs = runs_of(tmp_path / "runs", plan)
    with pytest.raises(UsageError) as caught:
        pack(runs, {}, Datasets(), workers=2)
    assert str(caught.value).startswith("batch_size: 61 is more than the 60 training samples")
    assert str(caught.value).endswith("(in the run run 2)")
    assert not (tmp_path / "runs").exists()
    # What is done already is not asked.
    assert len(pack(runs, {2: "finished"}, Datasets(), workers=2).groups) == 1
