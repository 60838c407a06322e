"""A run as readers of many runs need it: its configuration and its numbers, without weights and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dltricks.core.errors import DamagedError, FileSystemError
from dltricks.core.types import Array
from dltricks.runs import files, lock, reading
from dltricks.runs.names import DIGITS, id_of

Line = Mapping[str, float]
"""Metrics of one epoch by name, ``epoch`` included."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """What was measured in each epoch: one float64 array of all metrics, then the seconds."""

    metrics: tuple[str, ...]
    count: int
    content: bytes
    """float64 (metrics, count), then the seconds of as many epochs as are known."""

    def row(self, metric: str) -> Array | None:
        """float64 (count,), or None where there is no such metric."""
        if metric not in self.metrics:
            return None
        return np.frombuffer(self.content, np.float64, self.count, self.metrics.index(metric) * self.count * 8)

    def seconds(self) -> Array:
        """float64, of as many epochs as are known."""
        return np.frombuffer(self.content, np.float64)[len(self.metrics) * self.count :]


NOTHING = Epochs((), 0, b"")


@dataclass(frozen=True, slots=True)
class Entry:
    """One run folder. Mappings are shared between entries and must not be changed."""

    path: Path
    status: reading.Status
    name: str
    """Of the experiment, or where its configuration cannot be read, of the folder around the run."""
    hash: str
    """Of a run that has not ended, or is damaged, only the ``DIGITS`` that its folder bears; may be empty."""
    config: Mapping[str, Any] = field(repr=False)
    """The resolved configuration as nested plain values; empty where it cannot be read."""
    role: str | None
    """``tuning`` of runs that values were tuned with. Nothing else is known before a run has ended."""
    epochs: int
    """Trained, and of a run that has not ended, recorded."""
    best: Line | None = field(repr=False)
    """The metrics of the best epoch, as in run.json; None before a run has ended."""
    final: Line | None = field(repr=False)
    test: Line | None = field(repr=False)
    problem: str | None
    """Why it is damaged, in a sentence."""
    modified: float
    """When the run ended, or else when anything was last written, in seconds since 1970."""
    _epochs: Epochs = field(repr=False)

    @property
    def id(self) -> str:
        """The beginning of the hash, by which study.json and people know a run; may be empty."""
        return self.hash[:DIGITS]

    @property
    def seed(self) -> Any:
        """A number, or a mapping of one for each purpose; None where the configuration cannot be read."""
        return self.config.get("seed")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names for which there is a curve."""
        return self._epochs.metrics

    def curve(self, metric: str) -> Array | None:
        """A metric over the epochs, float64 (epochs,); NaN where a line lacks it, None where all do."""
        return self._epochs.row(metric)

    @property
    def seconds(self) -> Array:
        """float64, the seconds of each epoch; of fewer than there were, or none, where timing.jsonl lacks them."""
        return self._epochs.seconds()


def read_entry(path: Path) -> Entry:
    """Reads one run folder. Whatever lies there, an entry comes of it.

    What is checked is what ``reading.status`` checks: run.json, config.yaml and metrics.jsonl by their SHA-256, of
    weights.npz that it is there. Whoever uses weights checks them then.
    """
    try:
        return _read(path)
    except (DamagedError, FileSystemError) as error:
        return _damaged(path, str(error))


def _read(path: Path) -> Entry:
    running = lock.is_held(path)
    if not running and not (path / reading.CONFIG).exists() and not (path / reading.RUN).exists():
        return _entry(path, "empty")
    try:
        record = reading.read_run(path)
    except DamagedError:
        if running:  # what is being written need not be whole
            return _entry(path, "running")
        raise
    result = record.result or {}
    if result and not (path / reading.WEIGHTS).exists():
        raise DamagedError(f"{path / reading.WEIGHTS}: missing")
    status: reading.Status = "running" if running else "interrupted"
    if result and not running:
        status = "diverged" if result["status"] == "diverged" else "finished"
    try:
        timing = reading.read_timing(path)
    except DamagedError:  # seconds are no result
        timing = []
    return _entry(path, status, record.config, result, tabulate(record.metrics, timing))


def _damaged(path: Path, problem: str) -> Entry:
    config: Mapping[str, Any] = {}
    with suppress(DamagedError, FileSystemError):
        text = files.read(path / reading.CONFIG, reading.LARGEST_CONFIG, follow_links=True)
        config = reading.parse_config(text or b"", path)
    return _entry(path, "damaged", config, problem=problem)


def _entry(
    path: Path,
    status: reading.Status,
    config: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
    epochs: Epochs = NOTHING,
    problem: str | None = None,
) -> Entry:
    config, result = config or {}, result or {}
    name = config.get("name")
    role = result.get("role")
    best, final, test = (numbers(result.get(key)) for key in ("best", "final", "test"))
    return Entry(
        path,
        status,
        name if isinstance(name, str) else path.parent.name,
        str(result.get("hash", id_of(path.name))),
        config,
        role if isinstance(role, str) else None,
        epochs.count,
        best,
        final,
        test,
        problem,
        _modified(path),
        epochs,
    )


def numbers(line: Any) -> Line | None:
    """The numbers among the values of a line of metrics."""
    if not isinstance(line, Mapping):
        return None
    return {key: value for key, value in line.items() if isinstance(value, (int, float)) and value is not True}


def tabulate(metrics: list[dict[str, Any]], timing: list[dict[str, Any]]) -> Epochs:
    """Lines of the two logs as one array."""
    lines = [numbers(line) or {} for line in metrics]
    names = tuple(name for name in dict.fromkeys(name for line in lines for name in line) if name != "epoch")
    rows = np.array([[line.get(name, np.nan) for line in lines] for name in names], np.float64)
    seconds = [line.get("seconds") for line in timing[: len(lines)]]
    known = np.array([value for value in seconds if isinstance(value, (int, float))], np.float64)
    return Epochs(names, len(lines), rows.tobytes() + known.tobytes())


def _modified(path: Path) -> float:
    for name in (reading.RUN, reading.METRICS, reading.CONFIG, ""):
        with suppress(OSError):
            return (path / name).stat().st_mtime
    return 0.0
