"""Lists runs with what has become of them, filtered and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltricks.api.places import find_places
from dltricks.api.where import as_number, check_key, select, values
from dltricks.experiment.grids import is_number
from dltricks.runs.entry import Entry
from dltricks.runs.index import scan

if TYPE_CHECKING:
    from dltricks.api.session import PathLike


def list(
    *places: PathLike, runs_dir: PathLike = "runs", where: str | None = None, sort: str | None = None
) -> Sequence[Entry]:
    """All runs at some places: finished, diverged, running, interrupted, damaged and empty ones.

    Args:
        places: folders of runs, of studies, or of single runs, or patterns of them, from here or below ``runs_dir``;
            by default ``runs_dir`` itself.
        runs_dir: where run folders lie.
        where: only runs of which this holds, such as ``dropout<0.5 and optimizer=adam and val_accuracy>0.9``;
            see ``api.where``.
        sort: by this key of a condition, or by ``age``, instead of by path; ``-val_accuracy`` begins with the highest.
            Runs that lack it come last.

    Raises:
        UsageError: no runs there, not a condition, or a key that no run has.
    """
    entries: Sequence[Entry] = scan(find_places(places, runs_dir))
    if sort is not None:
        entries = _sorted(entries, sort)
    return entries if where is None else select(entries, where)


def _sorted(entries: Sequence[Entry], sort: str) -> Sequence[Entry]:
    key, descending = sort.removeprefix("-"), sort.startswith("-")
    if key == "age":
        return sorted(entries, key=lambda entry: -entry.modified, reverse=descending)
    check_key(key, entries, f"--sort {sort}")
    having = [(entry, value) for entry in entries for value in values(entry, key)]
    lacking = [entry for entry in entries if not any(True for _ in values(entry, key))]
    having.sort(key=lambda each: _order(key, each[1]), reverse=descending)
    return [*(entry for entry, _ in having), *lacking]


def _order(key: str, value: Any) -> tuple[bool, float, str]:
    """Numbers by size, then all else by its text."""
    number = value if is_number(value) else as_number(key, value)
    return (number is None, number or 0.0, "" if number is not None else str(value))
