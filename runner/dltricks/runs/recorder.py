"""Writes what training yields into run folders: metrics, checkpoints by time and on signals, and the end."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dltricks.core.errors import StoppedError
from dltricks.engine.hooks import Hook
from dltricks.engine.state import broken
from dltricks.engine.trainer import Outcome, Trainer
from dltricks.runs.folder import RunFolder
from dltricks.runs.signals import Signals

RARER = 50
"""Between two checkpoints lies at least so many times what one takes: they cost less than 2 % of the time."""


@dataclass
class Recording:
    """One run's folder, with what run.json says of the run beside its outcome."""

    folder: RunFolder
    identity: dict[str, Any]
    lines: int = 0
    """Epochs written so far."""
    done: bool = False


class Recorder(Hook):
    """Records the runs of a stack, in the order in which they were handed to the trainer."""

    def __init__(self, recordings: Sequence[Recording], checkpoint_seconds: float, signals: Signals) -> None:
        self.recordings = recordings
        self.seconds = checkpoint_seconds
        self.results: list[dict[str, Any] | None] = [None] * len(recordings)
        """The content of each run.json, once its run has ended."""
        self.signals = signals

    def on_train_begin(self, run: Trainer) -> None:
        now = time.monotonic()
        self._next, self._epoch_began = now + self.seconds, now

    def on_step_end(self, run: Trainer) -> None:
        # The last step of an epoch belongs together with its evaluation: on_epoch_end takes over there.
        if run.step < run.steps and (self.signals.number is not None or time.monotonic() >= self._next):
            self._save(run)

    def on_epoch_end(self, run: Trainer) -> None:
        now = time.monotonic()
        timing = {"seconds": now - self._epoch_began, "steps": run.steps, **_memory()}
        self._epoch_began = now
        for number, recording in enumerate(self.recordings):
            if recording.done:
                continue
            outcome = run.outcomes[number]
            history = outcome.history if outcome else run.history[run.numbers.index(number)]
            for line in history[recording.lines :]:
                recording.folder.add_metrics(line)
                recording.folder.add_timing({"epoch": line["epoch"], **timing})
            recording.lines = len(history)
            if outcome:
                self.results[number] = recording.folder.finish(_record(recording, outcome, run), outcome.weights)
                recording.done = True
        if run.active and (self.signals.number is not None or now >= self._next):
            self._save(run)

    def _save(self, run: Trainer) -> None:
        began = time.perf_counter()
        for k, replica in enumerate(run.numbers):
            if not self.recordings[replica].done and run.outcomes[replica] is None:
                state = run.state(k)
                # An update that overflowed is found by the next step, from an older checkpoint as well as from here.
                if broken(state) is None:
                    self.recordings[replica].folder.checkpoint(run.t, state)
        took = time.perf_counter() - began
        # Large states are saved less often. Who asks for several checkpoints a second is taken at their word.
        self._next = time.monotonic() + (max(self.seconds, RARER * took) if self.seconds >= 1 else self.seconds)
        number = self.signals.number
        if number is not None:
            raise StoppedError(
                f"stopped by {signal.Signals(number).name} after {run.t:,} steps, in epoch {run.epoch + 1} of "
                f"{run.recipes[0].epochs}; the same command goes on from there",
                number,
            )


def _record(recording: Recording, outcome: Outcome, run: Trainer) -> dict[str, Any]:
    test = run.datas[0].test_x  # the parts of all replicas are of one size
    record = {
        **recording.identity,
        "status": outcome.status,
        "epochs": len(outcome.history),
        "best": outcome.best,
        "final": outcome.final,
        "test": outcome.test or None,
        "samples": {
            "train": run.samples,
            "val": int(run.val_index.shape[1]),
            "test": 0 if test is None else len(test),
        },
    }
    if outcome.failure is not None:
        record["failure"] = vars(outcome.failure)
    return record


def _memory() -> dict[str, int]:
    if sys.platform == "win32":
        return {}
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
