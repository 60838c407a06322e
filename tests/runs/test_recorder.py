from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from engine.small import digits, recipe

from dltricks.core.errors import StoppedError
from dltricks.engine.hooks import Hook
from dltricks.engine.loop import train
from dltricks.engine.trainer import Trainer
from dltricks.runs import checkpoint, reading
from dltricks.runs.folder import RunFolder
from dltricks.runs.recorder import Recorder, Recording
from dltricks.runs.signals import NUMBERS, Signals

HASH = "0123456789abcdef" * 4
NEVER = 1e9


class At(Hook):
    """Does something after a step."""

    def __init__(self, step: int, action: Any) -> None:
        self.step, self.action = step, action

    def on_step_end(self, run: Trainer) -> None:
        if run.t == self.step:
            self.action()


def record(path: Path, seconds: float = NEVER, hooks: tuple[Hook, ...] = (), **changes: Any) -> Recorder:
    """Trains 13 steps an epoch (200 samples, 16 a batch) into a folder."""
    folder = RunFolder(path, HASH)
    recorder = Recorder([Recording(folder, {"id": HASH[:12], "hash": HASH, "seed": 0})], seconds, Signals())
    trainer = Trainer([recipe(batch_size=16, validation=0.0, **changes)], [digits()])
    with recorder.signals.listening(), folder.hold():
        folder.create("name: recorded\n")
        found, _ = folder.resume({"numpy": "2"})
        if found:
            trainer.restore([found.state])
            recorder.recordings[0].lines = len(folder.metrics())
        # Hooks that send signals come first: the recorder answers after the same step.
        train(trainer, [*hooks, recorder])
    return recorder


def test_a_run_is_recorded_whole(tmp_path: Path) -> None:
    recorder = record(tmp_path / "run", epochs=3)
    found = reading.read_run(tmp_path / "run")
    assert recorder.results == [found.result]
    assert found.result is not None
    assert {key: found.result[key] for key in ("id", "hash", "seed", "status", "epochs", "test")} == {
        "id": HASH[:12],
        "hash": HASH,
        "seed": 0,
        "status": "finished",
        "epochs": 3,
        "test": None,
    }
    assert [line["epoch"] for line in found.metrics] == [1, 2, 3]
    assert found.result["final"] == found.metrics[-1]
    assert found.result["best"] in found.metrics
    timing = reading.read_timing(tmp_path / "run")
    assert [(line["epoch"], line["steps"]) for line in timing] == [(1, 13), (2, 13), (3, 13)]
    assert all(line["seconds"] > 0 for line in timing)
    reading.verify(tmp_path / "run")


def test_no_checkpoint_before_its_time(tmp_path: Path) -> None:
    record(tmp_path / "run", epochs=2)
    assert checkpoint.numbers(tmp_path / "run" / "checkpoints") == []


def test_checkpoints_after_every_step_when_always_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr(RunFolder, "checkpoint", lambda self, number, state: saved.append(number))
    record(tmp_path / "run", seconds=0.0, epochs=2)
    # The last step of an epoch is saved with its evaluation; the last of all ends the run.
    assert saved == list(range(1, 26))


def test_the_clock_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    clock = {"now": 0.0}

    def tick() -> float:
        clock["now"] += 1.0
        return clock["now"]

    monkeypatch.setattr("dltricks.runs.recorder.time.monotonic", tick)
    monkeypatch.setattr(RunFolder, "checkpoint", lambda self, number, state: saved.append(number))
    record(tmp_path / "run", seconds=5.0, epochs=1)
    assert saved == [5, 10]


@pytest.mark.parametrize(("seconds", "saved_at"), [(2.0, [2, 9]), (0.5, list(range(1, 13)))])
def test_large_states_are_saved_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, saved_at: list[int]
) -> None:
    """A second each step, and a checkpoint that takes 0.13 seconds: a pause of 50 times that."""
    saved: list[int] = []
    clock = {"now": 0.0}

    def save(self: RunFolder, number: int, state: object) -> None:
        saved.append(number)
        clock["now"] += 0.13

    monkeypatch.setattr("dltricks.runs.recorder.time.perf_counter", lambda: clock["now"])
    monkeypatch.setattr("dltricks.runs.recorder.time.monotonic", lambda: clock["now"])
    monkeypatch.setattr(RunFolder, "checkpoint", save)

    class Second(Hook):
        def on_step_end(self, run: Trainer) -> None:
            clock["now"] += 1.0

    record(tmp_path / "run", seconds, (Second(),), epochs=1)
    assert saved == saved_at


def test_divergence_is_recorded(tmp_path: Path) -> None:
    record(tmp_path / "run", optimizer={"name": "sgd", "lr": 1e30})
    found = reading.read_run(tmp_path / "run").result
    assert found is not None
    assert found["status"] == "diverged"
    assert set(found["failure"]) == {"epoch", "step", "layer", "what"}
    assert reading.read_weights(tmp_path / "run")  # refuses what is not finite


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("step", [1, 7, 13, 20])
def test_the_first_signal_ends_the_step_and_saves(tmp_path: Path, name: str, step: int) -> None:
    number = getattr(signal, name, None)
    if number not in NUMBERS or os.name == "nt":
        pytest.skip(f"no {name} here")
    calm = record(tmp_path / "calm", epochs=2)
    before = [signal.getsignal(n) for n in NUMBERS]
    with pytest.raises(StoppedError) as caught:
        record(tmp_path / "run", epochs=2, hooks=(At(step, lambda: os.kill(os.getpid(), number)),))
    assert caught.value.exit_code == 128 + number
    epoch = 1 + step // 13
    assert str(caught.value) == (
        f"stopped by {name} after {step} steps, in epoch {epoch} of 2; the same command goes on from there"
    )
    assert checkpoint.numbers(tmp_path / "run" / "checkpoints") == [step]
    assert [signal.getsignal(n) for n in NUMBERS] == before
    again = record(tmp_path / "run", epochs=2)
    assert again.results == calm.results


def test_a_signal_in_the_last_step_changes_nothing(tmp_path: Path) -> None:
    recorder = record(tmp_path / "run", epochs=2, hooks=(At(26, lambda: signal.raise_signal(signal.SIGINT)),))
    assert recorder.results[0] is not None


def test_a_second_signal_leaves_now(tmp_path: Path) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as caught:
        record(tmp_path / "run", hooks=(At(3, twice),))
    assert caught.value.code == 128 + signal.SIGTERM
    assert checkpoint.numbers(tmp_path / "run" / "checkpoints") == []


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no hang-ups")
def test_nohup_is_respected(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        recorder = record(tmp_path / "run", hooks=(At(3, lambda: signal.raise_signal(signal.SIGHUP)),))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert recorder.results[0] is not None


def test_the_runs_of_a_stack(tmp_path: Path) -> None:
    """Each into its folder, also where one stops earlier than the other."""
    recipes = [
        recipe(seed=i, batch_size=16, epochs=6, validation=0.0, early_stopping=stopping)
        for i, stopping in enumerate(
            [{"name": "early_stopping", "monitor": "train_loss", "patience": 2, "min_delta": d} for d in (0.0, 9.0)]
        )
    ]
    folders = [RunFolder(tmp_path / f"run{i}", HASH) for i in range(2)]
    recorder = Recorder(
        [Recording(f, {"id": "0", "hash": HASH, "seed": i}) for i, f in enumerate(folders)], NEVER, Signals()
    )
    with folders[0].hold(), folders[1].hold():
        for folder in folders:
            folder.create("name: recorded\n")
            folder.resume({"numpy": "2"})
        train(Trainer(recipes, [digits()] * 2), [recorder])
    found = [reading.read_run(tmp_path / f"run{i}") for i in range(2)]
    assert [run.result for run in found] == recorder.results
    assert [len(run.metrics) for run in found] == [run.result["epochs"] for run in found if run.result]
    assert len(found[1].metrics) < len(found[0].metrics) == 6
