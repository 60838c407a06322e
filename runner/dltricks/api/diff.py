"""What differs between two runs: configuration, metrics, and what they ran on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dltricks.api.session import PathLike, find_run
from dltricks.core.errors import DamagedError
from dltricks.runs import environment, reading
from dltricks.runs.entry import Entry, read_entry


@dataclass(frozen=True)
class Difference:
    """Two runs side by side."""

    first: Entry
    second: Entry
    config: Mapping[str, tuple[Any, Any]]
    """Both values of each key that differs, such as ``optimizer.lr``; None where a run has no such key."""
    metrics: Mapping[str, tuple[float | None, float | None]]
    """Both values of each metric of the last epoch and of the test; None where a run has none, or has not ended."""
    environment: Mapping[str, tuple[str | None, str | None]]
    """Both values of what differs among versions, linear algebra, threads, processor, system, and commit."""
    notes: tuple[str, ...] = field(default=())
    """What could not be compared, and why."""

    @property
    def same(self) -> bool:
        """Whether both stand for the same experiment and seed."""
        return self.first.hash == self.second.hash != ""


def diff(first: PathLike, second: PathLike, *, runs_dir: PathLike = "runs") -> Difference:
    """Compares two runs key by key, whatever has become of them.

    Args:
        first: a run's folder, its folder below ``runs_dir``, its experiment's name, or the beginning of its id.
        second: likewise.
        runs_dir: where run folders lie.

    Raises:
        UsageError: no such run.
        DamagedError: a run whose configuration cannot be read.
    """
    one, other = (read_entry(find_run(run, runs_dir)) for run in (first, second))
    notes = []
    for entry in (one, other):
        if not entry.config:
            raise DamagedError(entry.problem or f"{entry.path}: is {entry.status} and has no configuration yet")
        if entry.final is None:
            notes.append(entry.problem or f"{entry.path}: is {entry.status} and has no metrics to compare yet")
    surroundings: Mapping[str, tuple[str | None, str | None]] = {}
    try:
        surroundings = environment.changes(reading.read_environment(one.path), reading.read_environment(other.path))
    except DamagedError as error:
        notes.append(f"{error}; what the runs ran on is not compared")
    old, new = (dict(_flat("", entry.config)) for entry in (one, other))
    a, b = ({**(entry.test or {}), **(entry.final or {})} for entry in (one, other))
    return Difference(
        one,
        other,
        {key: pair for key, pair in _pairs(old, new) if pair[0] != pair[1]},
        {key: pair for key, pair in _pairs(a, b) if key != "epoch"},
        surroundings,
        tuple(notes),
    )


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for key in dict.fromkeys([*first, *second]):
        yield key, (first.get(key), second.get(key))


def _flat(prefix: str, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Nested values under dotted keys; a component's name is the value of its own key."""
    for key, value in config.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            if "name" in value:
                yield path, value["name"]
            yield from _flat(f"{path}.", {field: item for field, item in value.items() if field != "name"})
        else:
            yield path, value
