"""A run as readers of many runs need it: its configuration and its numbers, without weights and checkpoints."""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dltricks.core.errors import DamagedError, FileSystemError
from dltricks.core.types import Array
from dltricks.runs import files, lock, logs, reading
from dltricks.runs.names import DIGITS, id_of

Line = Mapping[str, float]
"""Metrics of one epoch by name, ``epoch`` included."""
_EPOCH = "epoch"
_KEY = re.compile(r"[a-z_]+: \S[^\r\x85\u2028\u2029]*")


@dataclass(slots=True)
class Epochs:
    """What was measured in each epoch: an array of all metrics, and the seconds. The numbers are fetched when asked."""

    metrics: tuple[str, ...]
    count: int
    fetch: Callable[[], bytes]
    """float64 (metrics, count), then the seconds of as many epochs as are known."""

    @classmethod
    def of(cls, metrics: tuple[str, ...], table: Array, seconds: list[float]) -> Epochs:
        """From float64 (metrics, count) and the seconds of at most as many epochs."""
        count = table.shape[1]
        content = table.tobytes() + np.array(seconds[:count], np.float64).tobytes()
        return cls(metrics, count, lambda: content)

    def row(self, metric: str) -> Array | None:
        """float64 (count,), or None where there is no such metric."""
        if metric not in self.metrics:
            return None
        return np.frombuffer(self.fetch(), np.float64, self.count, self.metrics.index(metric) * self.count * 8)

    def seconds(self) -> Array:
        """float64, of as many epochs as are known."""
        return np.frombuffer(self.fetch(), np.float64)[len(self.metrics) * self.count :]


NOTHING = Epochs((), 0, bytes)


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
    recorded: Epochs = field(repr=False)

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
        return self.recorded.metrics

    def curve(self, metric: str) -> Array | None:
        """A metric over the epochs, float64 (epochs,); NaN where a line lacks it, None where all do."""
        return self.recorded.row(metric)

    @property
    def seconds(self) -> Array:
        """float64, the seconds of each epoch; of fewer than there were, or none, where timing.jsonl lacks them."""
        return self.recorded.seconds()


def read_entry(path: Path, modified: float | None = None) -> Entry:
    """Reads one run folder. Whatever lies there, an entry comes of it.

    What is checked is what ``reading.status`` checks: run.json, config.yaml and metrics.jsonl by their SHA-256, of
    weights.npz that it is there. Whoever uses weights checks them then.

    Args:
        path: the folder.
        modified: what the entry is to say of that; by default it is looked up.
    """
    try:
        modified = _modified(path) if modified is None else modified
        return _read(path, modified)
    except (DamagedError, FileSystemError) as error:
        return _damaged(path, modified or 0.0, str(error))


def _read(path: Path, modified: float) -> Entry:
    running = lock.is_held(path)
    try:
        result = reading.read_result(path)
        if result is None:
            return _unfinished(path, modified, running=running)
        config = _config(reading.checked(path, reading.CONFIG, result, reading.LARGEST_CONFIG), path / reading.CONFIG)
        metrics = reading.checked(path, reading.METRICS, result, logs.LIMIT)
    except DamagedError:
        if running:  # what is being written need not be whole
            return _entry(path, "running", modified)
        raise
    if not (path / reading.WEIGHTS).exists():
        raise DamagedError(f"{path / reading.WEIGHTS}: missing")
    status: reading.Status = "diverged" if result["status"] == "diverged" else "finished"
    epochs = _measured(metrics, path / reading.METRICS, _seconds(path))
    return _entry(path, "running" if running else status, modified, config, result, epochs)


def _unfinished(path: Path, modified: float, *, running: bool) -> Entry:
    if not running and not (path / reading.CONFIG).exists():
        return _entry(path, "empty", modified)
    record = reading.read_run(path)
    epochs = tabulate(record.metrics, _seconds(path))
    return _entry(path, "running" if running else "interrupted", modified, record.config, epochs=epochs)


def _damaged(path: Path, modified: float, problem: str) -> Entry:
    config: Mapping[str, Any] = {}
    with suppress(DamagedError, FileSystemError):
        text = files.read(path / reading.CONFIG, reading.LARGEST_CONFIG, follow_links=True)
        config = reading.parse_config(text or b"", path)
    return _entry(path, "damaged", modified, config, problem=problem)


def _entry(
    path: Path,
    status: reading.Status,
    modified: float,
    config: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
    epochs: Epochs = NOTHING,
    problem: str | None = None,
) -> Entry:
    config, result = config or {}, result or {}
    name, role = config.get("name"), result.get("role")
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
        modified,
        epochs,
    )


def numbers(line: Any) -> Line | None:
    """The numbers among the values of a line of metrics."""
    if not isinstance(line, Mapping):
        return None
    return {sys.intern(key): value for key, value in line.items() if type(value) in (float, int)}


def _config(text: bytes | bytearray, path: Path) -> Mapping[str, Any]:
    """What ``reading.parse_config`` makes of it, but a line that many configurations share is parsed once.

    In the form in which configurations are written each line is a key with its whole value. Of lines that begin with
    a key and are each a mapping by themselves, the mapping is the same as that of the whole text.
    """
    try:
        config: dict[str, Any] = {}
        for line in text.decode().splitlines():
            key, value = _parsed(line)
            config[key] = value
    except (ValueError, DamagedError):
        return reading.parse_config(text, path)
    return config


@lru_cache(2**14)
def _parsed(line: str) -> tuple[str, Any]:
    if not _KEY.fullmatch(line):
        raise ValueError("not a line as dltricks writes it")
    ((key, value),) = reading.parse_config(line.encode(), Path()).items()
    return sys.intern(str(key)), value


def _measured(raw: bytearray, path: Path, seconds: list[float]) -> Epochs:
    """The numbers of a log whose checksum is right, so that its lines need not be checked one by one."""
    for table_of in (_table_of_numbers, _table_of_lines):
        with suppress(ValueError, TypeError, LookupError, OverflowError, RecursionError):
            names, table = table_of(raw)
            if names[0] == _EPOCH and np.isfinite(table).all():
                return Epochs.of(tuple(map(sys.intern, names[1:])), table[:, 1:].T, seconds)
    return tabulate(logs.decode(raw, path, summed=False), seconds)


_NAME = re.compile(rb'[{,]"([a-z_]+)":')
_DIGITS = b"0123456789.+-"


def _table_of_numbers(raw: bytearray) -> tuple[list[str], Array]:
    """Of lines that are the same but for their numbers, as nearly all are: only these are parsed, at half the cost.

    Returns:
        The names, and float64 (lines, names).

    Raises:
        ValueError: the lines are not so.
    """
    count = raw.count(b"\n")
    names = _NAME.findall(raw, 0, raw.find(b"\n") + 1)
    line = b"{%b}\n" % b",".join(b'"%b":' % name for name in names)
    without_numbers = raw.translate(None, _DIGITS).replace(b":e", b":")
    if without_numbers != line * count or not names or len(set(names)) < len(names):
        raise ValueError("lines of several forms")
    numbers = bytes(raw[1:-2]).replace(b"}\n{", b",")
    for name in names:
        numbers = numbers.replace(b'"%b":' % name, b"")
    table = np.array(json.loads(b"[%b]" % numbers), np.float64)
    return [name.decode() for name in names], table.reshape(count, len(names))


def _table_of_lines(raw: bytearray) -> tuple[list[str], Array]:
    """The same of lines that have the same names, of numbers, in any order and spelling."""
    lines = json.loads(b"[" + raw.rstrip(b"\n").replace(b"\n", b",") + b"]")
    names = list(lines[0])
    rows = [[line[name] for name in names] for line in lines]
    if any(type(value) not in (float, int) for value in rows[0]) or any(len(line) != len(names) for line in lines):
        raise ValueError("not the same names, or not numbers")
    return names, np.array(rows, np.float64)


_SECONDS = re.compile(rb'"seconds":([^,}]+)')
_SUM_SIZE = len(',"crc32":"00000000"}')


def _seconds(path: Path) -> list[float]:
    """The seconds of the epochs; none unless all lines are as written, for a run without them is as good."""
    with suppress(DamagedError, FileSystemError, ValueError):
        raw = bytes(files.read(path / reading.TIMING, logs.LIMIT, follow_links=True) or b"")
        crc32 = zlib.crc32
        for line in raw.split(b"\n")[:-1]:
            if line[-_SUM_SIZE:] != b',"crc32":"%08x"}' % crc32(b"}", crc32(line[:-_SUM_SIZE])):
                return []
        return [float(found) for found in _SECONDS.findall(raw)]
    return []


def tabulate(metrics: list[dict[str, Any]], seconds: list[float]) -> Epochs:
    """Lines of metrics, of which some may lack what others have, and seconds as one array."""
    lines = [numbers(line) or {} for line in metrics]
    names = tuple(name for name in dict.fromkeys(name for line in lines for name in line) if name != _EPOCH)
    table = np.array([[line.get(name, np.nan) for line in lines] for name in names], np.float64)
    return Epochs.of(names, table.reshape(len(names), len(lines)), seconds)


def _modified(path: Path) -> float:
    for name in (reading.RUN, reading.METRICS, reading.CONFIG, ""):
        with suppress(OSError):
            return (path / name).stat().st_mtime
    return 0.0
