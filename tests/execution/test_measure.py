from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from execution.plans import experiment

from dltricks.core.errors import UsageError
from dltricks.engine.trainer import Trainer
from dltricks.execution import measure as measuring
from dltricks.execution.data import Datasets
from dltricks.execution.measure import Measured, measure
from dltricks.execution.stack import build
from dltricks.experiment.resolve import Experiment

HOUR = 3600.0


@pytest.fixture
def plan(tmp_path: Path) -> list[Experiment]:
    return [experiment(tmp_path, seed=seed) for seed in range(100)]


Times = Callable[[int], float]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Callable[[Times], list[int]]:
    """The sizes that are tried, each of whose steps takes as long as is said; a replica is 1,000 bytes."""

    def begin(times: Times) -> list[int]:
        sizes: list[int] = []

        def seconds(trainer: Trainer) -> float:
            sizes.append(len(trainer.numbers))
            return times(sizes[-1])

        monkeypatch.setattr(measuring, "_step_seconds", seconds)
        monkeypatch.setattr(measuring, "replica_bytes", lambda trainer: 1000)
        return sizes

    return begin


def test_the_size_with_the_least_time_for_a_run(plan: list[Experiment], tried: Callable[[Times], list[int]]) -> None:
    sizes = tried(lambda size: 1.0)
    found = measure(plan, Datasets(), 100, None, HOUR)
    assert sizes == [1, 8, 32, 64]
    # Twelve steps, shared by the runs of the stack.
    assert found == Measured(64, 12 / 64)
    tried(lambda size: size**2)
    assert measure(plan, Datasets(), 100, None, HOUR) == Measured(1, 12)
    tried(lambda size: 8.0 if size == 32 else size)
    assert measure(plan, Datasets(), 100, None, HOUR) == Measured(32, 12 / 4)


def test_a_little_faster_is_not_worth_a_larger_stack(
    plan: list[Experiment], tried: Callable[[Times], list[int]]
) -> None:
    tried(lambda size: size * (0.96 if size > 1 else 1.0))
    assert measure(plan, Datasets(), 100, None, HOUR).size == 1


@pytest.mark.parametrize(
    ("runs", "most", "expected"),
    [
        (1, 64, [1]),
        (2, 64, [1, 2]),
        (3, 64, [1, 2, 3]),
        (9, 64, [1, 2, 5, 9]),
        (100, 5, [1, 3, 5]),
        (100, 64, [1, 8, 32, 64]),
        (100, 100, [1, 8, 32, 64]),
    ],
)
def test_no_size_is_larger_than_it_may_be(
    plan: list[Experiment], tried: Callable[[Times], list[int]], runs: int, most: int, expected: list[int]
) -> None:
    sizes = tried(lambda size: 1.0)
    assert measure(plan[:runs], Datasets(), most, None, HOUR).size == expected[-1]
    assert sizes == expected


@pytest.mark.parametrize(
    ("memory", "expected", "size"),
    [
        (10**9, [1, 8, 32, 64], 64),
        (63_999, [1, 8, 32, 63], 63),
        (32_500, [1, 8, 32], 32),
        (20_000, [1, 8, 20], 20),
        (8_000, [1, 8], 8),
        (3_500, [1, 3], 3),
        (10, [1], 1),
        (0, [1], 1),
    ],
)
def test_memory_bounds_the_stack(
    plan: list[Experiment], tried: Callable[[Times], list[int]], memory: int, expected: list[int], size: int
) -> None:
    sizes = tried(lambda size: 1.0)
    assert measure(plan, Datasets(), 64, memory, HOUR).size == size
    assert sizes == expected


def test_when_time_is_up_only_the_smallest_is_tried(
    plan: list[Experiment], tried: Callable[[Times], list[int]]
) -> None:
    sizes = tried(lambda size: 1.0)
    assert measure(plan, Datasets(), 64, None, 0.0).size == 1
    assert sizes == [1]
    # So short a step gains from a stack in any case; memory bounds it all the same.
    tried(lambda size: 1e-4)
    assert measure(plan, Datasets(), 64, None, 0.0).size == measuring.UNTRIED
    assert measure(plan, Datasets(), 5, None, 0.0).size == 5
    assert measure(plan, Datasets(), 64, 3_000, 0.0).size == 3


@pytest.mark.parametrize(("pace", "size"), [(1e-5, measuring.UNTRIED), (2e-3, 8)])
def test_a_short_step_of_a_small_stack_promises_as_much(
    plan: list[Experiment],
    tried: Callable[[Times], list[int]],
    monkeypatch: pytest.MonkeyPatch,
    pace: float,
    size: int,
) -> None:
    sizes = tried(lambda size: pace * size**0.5)
    monkeypatch.setattr(measuring, "SHORT", 0.0)
    clock = iter([0.0, 0.0, 1.0])
    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert measure(plan, Datasets(), 64, None, 0.5).size == size
    assert sizes == [1, 8]


@pytest.mark.parametrize(("memory", "largest"), [(None, 64), (20_000, 20)])
@pytest.mark.parametrize("worth", [True, False])
def test_of_short_studies_with_short_steps_only_the_largest_is_tried(
    plan: list[Experiment], tried: Callable[[Times], list[int]], memory: int | None, largest: int, worth: bool
) -> None:
    sizes = tried(lambda size: 1e-4 * size ** (0.5 if worth else 2))
    assert measure(plan, Datasets(), 64, memory, HOUR).size == (largest if worth else 1)
    assert sizes == [1, largest]


def test_of_short_studies_a_large_stack_is_as_good(plan: list[Experiment], tried: Callable[[Times], list[int]]) -> None:
    tried(lambda size: size * (1e-3 if size == 1 else 1.04e-3))
    assert measure(plan, Datasets(), 64, None, HOUR).size == 64


@pytest.mark.parametrize("samples", [60, 16])
def test_steps_are_really_timed(tmp_path: Path, samples: int) -> None:
    """Also where an epoch has but one."""
    found = measure([experiment(tmp_path, limit=samples)], Datasets(), 64, None, 0.0)
    assert found.size == 1
    assert 0 < found.seconds < HOUR


@pytest.mark.parametrize(("pace", "steps"), [(0.001, 1 + measuring.TRIALS), (0.1, 3), (60.0, 1)])
def test_long_steps_are_tried_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pace: float, steps: int
) -> None:
    made: list[float] = []
    monkeypatch.setattr(measuring, "step", lambda trainer, batch, lr: made.append(pace))
    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: sum(made)))
    found = measure([experiment(tmp_path, limit=600)], Datasets(), 1, None, 0.0)
    assert len(made) == steps
    assert found.seconds == pytest.approx(pace * trainer_steps(tmp_path))


@pytest.mark.compiled
def test_the_first_step_with_compiled_kernels_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have compiled them, which takes far longer than a step."""
    paces, made = iter([60.0, 0.3]), []
    monkeypatch.setattr(measuring, "step", lambda trainer, batch, lr: made.append(next(paces)))
    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: sum(made)))
    compiled = experiment(tmp_path, limit=600)
    compiled = replace(compiled, recipe=replace(compiled.recipe, kernels="compiled"))
    found = measure([compiled], Datasets(), 1, None, 0.0)
    assert found.seconds == pytest.approx(0.3 * trainer_steps(tmp_path))


def trainer_steps(tmp_path: Path) -> int:
    """Of all epochs of such a run."""
    trainer = build([experiment(tmp_path, limit=600)], Datasets())
    return trainer.steps * trainer.recipes[0].epochs


def test_what_cannot_be_trained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="batch_size: 100 is more than the 60"):
        measure([experiment(tmp_path, batch_size=100)], Datasets(), 64, None, HOUR)
