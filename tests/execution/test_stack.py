from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from execution.plans import experiment, results, runs_of, seeds

from dltricks.core.errors import FileSystemError, StoppedError, UsageError
from dltricks.core.parallel import pool
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer
from dltricks.execution import stack
from dltricks.execution.data import Datasets
from dltricks.execution.events import Ended, Event, Failed, Notice, Progress
from dltricks.execution.stack import build, train_stack
from dltricks.execution.task import PlannedRun
from dltricks.runs import arrays, checkpoint, environment, lock, reading
from dltricks.runs.folder import RunFolder
from dltricks.runs.signals import Signals

OFTEN = {"checkpoint_seconds": 1e-9}


class StopAt(Hook):
    """A signal after a step."""

    def __init__(self, step: int) -> None:
        self.step, self.signals = step, Signals()

    def on_step_end(self, run: Trainer) -> None:
        if run.t == self.step:
            self.signals.number = signal.SIGINT


def trained(
    runs: Sequence[PlannedRun], signals: Signals | None = None, hooks: Sequence[Hook] = ()
) -> dict[int | str, Event]:
    """What is told of the runs: how each ended by its number, and notices by their text."""
    told: dict[int | str, Event] = {}

    def tell(event: Event) -> None:
        if isinstance(event, (Ended, Failed)):
            assert event.run not in told
            told[event.run] = event
        elif isinstance(event, Notice):
            told[event.message] = event

    train_stack(runs, tell, signals or Signals(), Datasets(), hooks)
    return told


def failed(event: Event) -> tuple[int, str, int]:
    assert isinstance(event, Failed)
    return event.run, event.error, event.code


def stop_at(step: int, runs: Sequence[PlannedRun]) -> None:
    """Leaves the runs with a checkpoint at that step (of an epoch's first one at the step before)."""
    hook = StopAt(step - 1)  # who records was asked before it
    with pytest.raises(StoppedError) as caught:
        trained(runs, hook.signals, [hook])
    assert caught.value.exit_code == 130


def steps(run: PlannedRun) -> list[int]:
    return checkpoint.numbers(run.path / "checkpoints")


def test_each_run_has_its_folder_and_its_result(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 3)
    told = trained(runs)
    for run in runs:
        reading.verify(run.path)
        assert told[run.number] == Ended(run.number, reading.read_run(run.path).result or {})
        assert not lock.is_held(run.path)
    assert list(told) == [0, 1, 2]
    env = json.loads((runs[0].path / "env.json").read_text())
    assert (env["threads"], env["folder"]) == (pool.threads, str(tmp_path))


def test_what_run_json_says_of_the_run(tmp_path: Path) -> None:
    plan = [experiment(tmp_path, seed=seed) for seed in (7, 1_000_000, {"init": 3, "data": 10**6})]
    runs = runs_of(tmp_path / "runs", plan)
    runs[1] = replace(runs[1], role="tuning")
    trained(runs)
    found = [reading.read_run(run.path).result or {} for run in runs]
    assert [result["seed"] for result in found] == [run.experiment.config["seed"] for run in runs]
    assert [result["hash"] for result in found] == [run.experiment.hash for run in runs]
    assert [result["id"] for result in found] == [run.experiment.hash[:12] for run in runs]
    assert [result.get("role") for result in found] == [None, "tuning", None]


def test_a_run_that_someone_else_finished_is_only_told(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 3)
    trained(runs[1:2])
    before = (runs[1].path / "timing.jsonl").read_bytes()
    told = trained(runs)
    assert [event.reused for event in told.values() if isinstance(event, Ended)] == [True, False, False]
    assert list(told) == [1, 0, 2]
    assert (runs[1].path / "timing.jsonl").read_bytes() == before
    assert all(isinstance(event, Ended) and event.reused for event in trained(runs).values())


def test_a_run_is_let_go_when_it_ends(tmp_path: Path) -> None:
    stopping = {"name": "early_stopping", "patience": 1, "min_delta": 9.0}
    runs = runs_of(tmp_path / "runs", [experiment(tmp_path, early_stopping=stopping), experiment(tmp_path, seed=1)])
    held: list[list[bool]] = []

    class Look(Hook):
        def on_epoch_end(self, run: Trainer) -> None:
            held.append([lock.is_held(each.path) for each in runs])

    trained(runs, hooks=[Look()])
    assert held == [[True, True], [False, True], [False, False]]


def test_locked_damaged_and_impossible_runs_fail_alone(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 7, **OFTEN)
    stop_at(6, runs[2:4])
    for number in steps(runs[2]):
        checkpoint.path_of(runs[2].path / "checkpoints", number).write_bytes(b"damaged")
    (runs[3].path / "config.yaml").write_text(
        (runs[3].path / "config.yaml").read_text().replace("epochs: 3", "epochs: 4")
    )
    (runs[4].path).write_text("in the way")
    runs[5].path.mkdir()
    (runs[5].path / "run.json").write_text("{}")
    runs[6].path.mkdir()
    (runs[6].path / "checkpoints").write_text("in the way")
    runs[1].path.mkdir()
    with lock.hold(runs[1].path):
        told = trained(runs)
    assert [failed(told[number]) for number in range(1, 7)] == [
        (1, "LockedError", 5),
        (2, "DamagedError", 4),
        (3, "DamagedError", 4),
        (4, "FileSystemError", 6),
        (5, "DamagedError", 4),
        (6, "FileSystemError", 6),
    ]
    assert isinstance(told[0], Ended)
    for run in runs[1:]:
        event = told[run.number]
        assert isinstance(event, Failed)
        assert str(run.path) in event.message
    calm = seeds(tmp_path / "calm", 2, **OFTEN)
    trained(calm)
    assert results(runs[:1]) == results(calm[:1])
    # What was locked only for a while is trained later.
    trained(runs[:2])
    assert results(runs[:2]) == results(calm)


def test_a_checkpoint_that_does_not_fit_fails_alone(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 3, **OFTEN)
    stop_at(6, runs)
    for number in steps(runs[1]):
        path = checkpoint.path_of(runs[1].path / "checkpoints", number)
        stored = arrays.load(path)
        arrays.save(path, {**stored, "p": stored["p"][:-1]})
    told = trained(runs)
    assert failed(told[1]) == (1, "DamagedError", 4)
    assert isinstance(told[1], Failed)
    assert told[1].message.startswith(f"{runs[1].path}: the checkpoint does not fit the configuration: ")
    assert isinstance(told[0], Ended)
    calm = seeds(tmp_path / "calm", 3, **OFTEN)
    trained(calm)
    others = [0, 2]
    assert results([runs[i] for i in others]) == results([calm[i] for i in others])


def test_runs_go_on_from_the_newest_checkpoint_that_all_have(tmp_path: Path) -> None:
    """As when the process was killed while it wrote them, one after the other."""
    runs = seeds(tmp_path / "runs", 3, **OFTEN)
    stop_at(6, runs)
    assert [steps(run) for run in runs] == [[5, 6]] * 3
    checkpoint.path_of(runs[2].path / "checkpoints", 6).unlink()
    told = trained(runs)
    assert f"3 runs, of which the first is {runs[0].path}: go on after 5 steps, in epoch 2" in told
    calm = seeds(tmp_path / "calm", 3, **OFTEN)
    trained(calm)
    assert results(runs) == results(calm)


def test_runs_without_a_common_checkpoint_go_on_each_from_its_own(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 4, **OFTEN)
    stop_at(3, runs[1:2])
    stop_at(10, runs[2:3])
    begun: list[tuple[int, int]] = []

    class Begin(Hook):
        def on_train_begin(self, run: Trainer) -> None:
            begun.append((run.t, len(run.numbers)))

    told = trained(runs, hooks=[Begin()])
    assert begun == [(0, 2), (3, 1), (10, 1)]
    assert {key for key in told if isinstance(key, str)} == {
        f"{runs[1].path}: goes on after 3 steps, in epoch 1",
        f"{runs[2].path}: goes on after 10 steps, in epoch 3",
    }
    calm = seeds(tmp_path / "calm", 4, **OFTEN)
    trained(calm)
    assert results(runs) == results(calm)


def test_a_signal_leaves_the_later_groups_as_they_are(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 2, **OFTEN)
    stop_at(6, runs[1:])
    before = steps(runs[1])
    stop_at(2, runs)
    assert (steps(runs[0]), steps(runs[1])) == ([1, 2], before)


def test_what_cannot_be_trained_leaves_nothing_behind(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 3, batch_size=1000)
    told = trained(runs)
    assert [failed(told[number]) for number in range(3)] == [(number, "UsageError", 2) for number in range(3)]
    assert not (tmp_path / "runs").exists()


def test_what_only_one_seed_cannot_do_costs_no_other(tmp_path: Path) -> None:
    """A column whose few numbers are all in the validation part of some seeds."""
    rows = [f"{i},{5 if i in (3, 8) else ''},{'yes' if i % 2 else 'no'}" for i in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    values = {
        "dataset": {"name": "csv", "path": "a.csv", "target": "label", "missing": "mean"},
        "limit": "none",
        "validation": 0.5,
        "batch_size": 10,
    }
    alone = seeds(tmp_path / "alone", 8, **values)
    expected = {run.number: trained([run])[run.number] for run in alone}
    refused = [number for number, event in expected.items() if isinstance(event, Failed)]
    assert 0 < len(refused) < 7
    together = seeds(tmp_path / "together", 8, **values)
    told = trained(together)
    assert {number: told[number] for number in range(8)} == expected
    assert "column 'b' has no number" in str(told[refused[0]])


def test_too_little_memory_for_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(recipes: Sequence[Any], datas: Sequence[Any]) -> Trainer:
        if len(recipes) > 2:
            raise MemoryError("so large")
        return Trainer(recipes, datas)

    monkeypatch.setattr(stack, "Trainer", small)
    runs = seeds(tmp_path / "runs", 5)
    told = trained(runs)
    assert [type(told[number]) for number in range(5)] == [Ended] * 5
    monkeypatch.setattr(stack, "Trainer", lambda recipes, datas: np.zeros((1 << 40, 1 << 40)))
    with pytest.raises(UsageError, match="not enough memory for a network of this size"):
        build([runs[0].experiment], Datasets())
    monkeypatch.setattr(stack, "Trainer", lambda recipes, datas: int("x"))
    with pytest.raises(ValueError, match="invalid literal"):
        build([runs[0].experiment], Datasets())


def test_a_disk_that_fails_in_training_fails_those_that_have_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [
        replace(run, experiment=replace(run.experiment, checkpoint_seconds=1e-9 if run.number == 1 else 1e9))
        for run in runs_of(
            tmp_path / "runs",
            [
                experiment(tmp_path, early_stopping={"patience": 1, "min_delta": 9.0}),
                experiment(tmp_path, seed=1),
                experiment(tmp_path, seed=2),
            ],
        )
    ]
    save = RunFolder.checkpoint

    def full(self: RunFolder, number: int, state: Any) -> None:
        if number == 10:
            raise FileSystemError(f"{self.path}: no space left")
        save(self, number, state)

    monkeypatch.setattr(RunFolder, "checkpoint", full)
    told = trained(runs)
    # The shortest of the intervals is that of all.
    assert [type(told[number]) for number in range(3)] == [Ended, Failed, Failed]
    assert [failed(told[number]) for number in (1, 2)] == [(1, "FileSystemError", 6), (2, "FileSystemError", 6)]
    assert [steps(run)[-1] for run in runs[1:]] == [9, 9]
    assert not any(lock.is_held(run.path) for run in runs)


def test_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never goes back, also where a stack goes on as several and some of its runs have ended."""
    monkeypatch.setattr(stack, "PAUSE", 0.0)
    values = [{}, {}, {"early_stopping": {"patience": 1, "min_delta": 9.0}}, {}]
    runs = runs_of(tmp_path / "runs", [experiment(tmp_path, seed=i, **each, **OFTEN) for i, each in enumerate(values)])
    trained(runs[:1])
    stop_at(6, runs[1:2])
    heard: list[Progress] = []
    train_stack(runs, lambda event: heard.append(event) if isinstance(event, Progress) else None, Signals(), Datasets())
    shares = [event.share for event in heard]
    assert shares == sorted(shares)
    assert 0.25 < shares[0] < 0.35
    assert shares[-1] == pytest.approx(1.0)
    assert {event.epochs for event in heard} == {3}
    assert [event.epoch for event in heard] == [1] * 4 + [2] * 4 + [3] * 4 + [2] * 2 + [3] * 4
    assert {event.running for event in heard} == {1, 2}
    assert all(event.rate > 0 for event in heard)


def test_a_changed_environment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = seeds(tmp_path / "runs", 2, **OFTEN)
    stop_at(6, runs)
    describe = environment.describe
    monkeypatch.setattr(stack.environment, "describe", lambda: {**describe(), "numpy": "0.0.1"})
    told = trained(runs)
    warnings = [key for key in told if isinstance(key, str) and "goes on elsewhere than it began" in key]
    assert len(warnings) == 2
    assert all("numpy" in warning for warning in warnings)
