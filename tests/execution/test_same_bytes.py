"""The files that a run stands for have the same bytes, however the runs of a plan are spread and whatever happens."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from execution.plans import Watcher, conduct, experiment, results, runs_of, seeds, tasks_of, write_fuse

from dltricks.core import registry
from dltricks.core.errors import StoppedError
from dltricks.execution import launch, processes
from dltricks.execution.events import Ended, Event, Finished, Lost, Notice, Progress
from dltricks.execution.processes import ProcessExecutor
from dltricks.execution.task import PlannedRun
from dltricks.experiment.resolve import Experiment
from dltricks.runs.signals import Signals

STACK: dict[str, Any] = {
    "augmentation": ["fuse"],
    "averaging": {"name": "ema", "decay": 0.9},
    "checkpoint_seconds": 1e-9,
    "clipping": 1.0,
    "dropout": 0.2,
    "epochs": 4,
    "normalization": "batch",
    "penalty": {"name": "l2", "strength": 1e-4},
}
"""Fifteen steps and an evaluation, with a checkpoint after each: long enough to be interrupted anywhere."""
IN_ONE_STACK: list[dict[str, Any]] = [
    {"seed": 0},
    {"seed": 1, "dropout": 0.5, "schedule": "cosine", "scaling": "standardize"},
    {"seed": 2, "optimizer": {"name": "adam", "lr": 1e30}},
    {"seed": 3, "initializer": "glorot", "early_stopping": {"patience": 1, "min_delta": 9.0}},
    {"seed": 4, "augmentation": ["fuse", "noise"], "schedule": {"name": "plateau", "patience": 1, "warmup": 1.0}},
    {"seed": 5, "augmentation": ["mixup", "fuse"], "scaling": "symmetric", "clipping": 0.1},
    {"seed": {"init": 6, "split": 1}, "initializer": "orthogonal", "early_stopping": {"patience": 3}},
    {"seed": 7, "penalty": {"name": "l2", "strength": 0.1}, "averaging": {"name": "ema", "decay": 0.5}},
]
GENERATED: dict[str, Any] = {
    "dataset": {"name": "spirals", "samples": 120},
    "initializer": "lsuv",
    "limit": "none",
}
DATA_SEEDS: list[dict[str, Any]] = [
    {"seed": {"data": seed}, "optimizer": {"name": "sgd", "lr": 0.1 * seed}} for seed in (1, 2, 3)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("same")


@pytest.fixture(scope="module")
def mixed(folder: Path) -> list[Experiment]:
    """Runs that make up two stacks at least."""
    fuse = [write_fuse(folder)]
    found = [experiment(folder, fuse, **{**STACK, **values}) for values in IN_ONE_STACK]
    found += [experiment(folder, **{**GENERATED, **values}) for values in DATA_SEEDS]
    registry.forget_plugins()
    return found


@pytest.fixture(scope="module")
def expected(folder: Path, mixed: list[Experiment]) -> dict[int, dict[str, bytes]]:
    """What the runs yield one by one in this process."""
    runs = runs_of(folder / "expected", mixed)
    campaign = conduct(tasks_of(runs, 1))
    assert campaign.failures == {}
    return results(runs)


@pytest.fixture
def runs(tmp_path: Path, mixed: list[Experiment]) -> list[PlannedRun]:
    return runs_of(tmp_path / "runs", mixed)


def test_the_plan_is_as_mixed_as_it_is_meant_to_be(
    mixed: list[Experiment], expected: dict[int, dict[str, bytes]]
) -> None:
    assert [len(task.runs) for task in tasks_of(runs_of(Path("runs"), mixed), 64)] == [8, 3]
    ends = [json.loads(files["run.json"]) for files in expected.values()]
    assert [end["status"] for end in ends] == ["finished", "finished", "diverged", *["finished"] * 8]
    assert [end["epochs"] for end in ends[3:7]] == [2, 4, 4, 4]
    assert len({files["weights.npz"] for files in expected.values()}) == len(expected)


@pytest.mark.parametrize("size", [2, 3, 64])
def test_stacks_of_any_size(runs: list[PlannedRun], expected: dict[int, dict[str, bytes]], size: int) -> None:
    assert conduct(tasks_of(runs, size)).failures == {}
    assert results(runs) == expected


@pytest.mark.parametrize(("workers", "size", "way"), [(1, 64, "any"), (2, 3, "new"), (2, 3, "any"), (4, 2, "any")])
def test_any_number_of_workers(
    runs: list[PlannedRun],
    expected: dict[int, dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
    size: int,
    way: str,
) -> None:
    if way == "new":  # where this process could be copied
        monkeypatch.setattr(processes, "start", lambda threads, errors, datasets: launch._New(threads, errors))
    watcher = Watcher()
    assert conduct(tasks_of(runs, size), ProcessExecutor(workers), watcher).failures == {}
    assert results(runs) == expected
    assert {event.run: event.result for event in watcher.of(Ended)} == {
        number: json.loads(files["run.json"]) for number, files in expected.items()
    }
    assert len(watcher.of(Finished)) == len(watcher.begun)


@pytest.mark.parametrize(("call", "workers", "size"), [(1, 2, 64), (21, 1, 64), (39, 2, 4), (60, 2, 64)])
def test_workers_that_are_killed_within_a_step(
    runs: list[PlannedRun],
    expected: dict[int, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: int,
    workers: int,
    size: int,
) -> None:
    kills = tmp_path / "kills"
    kills.mkdir()
    monkeypatch.setenv("FUSE", os.pathsep.join([str(kills), str(call), "2"]))
    watcher = Watcher()
    assert conduct(tasks_of(runs, size), ProcessExecutor(workers), watcher).failures == {}
    assert results(runs) == expected
    lost = watcher.of(Lost)
    assert len(lost) == len(list(kills.iterdir())) >= 1
    assert all(event.reason.startswith("its process was ended by signal 9") for event in lost)
    # Where steps had been done before, they are not done again.
    assert bool(watcher.of(Notice)) == (call > 8)


@pytest.mark.parametrize("moments", [(Progress, 1), (Progress, 2), (Ended, 1), (Ended, 4)])
def test_workers_that_are_killed_from_outside(
    runs: list[PlannedRun], expected: dict[int, dict[str, bytes]], moments: tuple[type[Any], int]
) -> None:
    executor = ProcessExecutor(2)
    kind, number = moments
    seen = 0

    def kill_all(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, kind)
        if isinstance(event, kind) and seen in (number, number + 2):
            for child in executor._children:
                os.kill(child.pid, signal.SIGKILL)

    watcher = Watcher(kill_all)
    assert conduct(tasks_of(runs, 4), executor, watcher).failures == {}
    assert results(runs) == expected
    assert watcher.of(Lost)


class Interrupt(Watcher):
    """Ctrl-C at the n-th progress or end; the first progress of a stack comes after its first step."""

    def __init__(self, signals: Signals, moment: int) -> None:
        super().__init__(self._look)
        self._signals, self._moment = signals, moment

    def _look(self, event: Event) -> None:
        if len(self.of(Progress)) + len(self.of(Ended)) == self._moment:
            self._signals.number = signal.SIGINT


@pytest.mark.parametrize(("workers", "sizes"), [(0, [64]), (0, [3, 64, 1]), (2, [64, 2])])
def test_a_plan_that_is_interrupted_again_and_again(
    runs: list[PlannedRun], expected: dict[int, dict[str, bytes]], workers: int, sizes: list[int]
) -> None:
    """With no workers in this process; in stacks of other sizes after each interruption."""
    errors: list[str] = []
    notices: list[Notice] = []
    for attempt in range(7):
        left = [run for run in runs if not (run.path / "run.json").exists()]
        signals = Signals()
        watcher = Interrupt(signals, 1 + attempt % 3 if attempt < 6 else -1)
        executor = ProcessExecutor(workers) if workers else None
        try:
            conduct(tasks_of(left, sizes[attempt % len(sizes)]), executor, watcher, signals)
        except StoppedError as error:
            errors.append(f"{error.exit_code}: {error}")
        notices += watcher.of(Notice)
    assert set(errors) == {"130: stopped by SIGINT; the same command goes on from there"}
    assert any("after" in notice.message for notice in notices)
    assert results(runs) == expected


def test_runs_of_one_stack_that_were_left_at_different_steps(tmp_path: Path) -> None:
    """They go on as several stacks, as far as they must."""
    values = {"checkpoint_seconds": 1e-9, "dropout": 0.3, "normalization": "batch"}
    calm = seeds(tmp_path / "calm", 5, **values)
    conduct(tasks_of(calm, 1))
    runs = seeds(tmp_path / "runs", 5, **values)
    for task, stops in zip(tasks_of(runs[:4], 2), (1, 3), strict=True):
        for _ in range(stops):
            signals = Signals()

            def interrupt(event: Event, signals: Signals = signals) -> None:
                signals.number = signal.SIGTERM

            with pytest.raises(StoppedError):
                conduct([task], watcher=Watcher(interrupt), signals=signals)
    newest = [max(path.name for path in (run.path / "checkpoints").iterdir()) for run in runs[:4]]
    assert newest[0] == newest[1] < newest[2] == newest[3]
    watcher = Watcher()
    conduct(tasks_of(runs, 5), watcher=watcher)
    assert len(watcher.of(Notice)) == 2
    assert all(notice.message.startswith("2 runs, of which the first is") for notice in watcher.of(Notice))
    assert results(runs) == results(calm)
