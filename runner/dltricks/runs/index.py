"""Many run folders at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError
from dltricks.runs import cache, helper, study_file, survey
from dltricks.runs.cache import NAME, Cache, Look
from dltricks.runs.entry import Entry, read_entry

__all__ = ["NAME", "Entry", "scan", "studies"]


def scan(places: Sequence[Path]) -> list[Entry]:
    """All runs at some places, each once, sorted by their paths.

    Two folders that hold the same run, as copies do, are two entries with the same hash. What was read is kept in a
    hidden file in each place (see ``cache``), so that the next reading only looks whether files have changed.

    Args:
        places: folders of runs, of studies (``runs/<name>``), or of single runs; a place that does not exist may be
            a pattern, such as ``runs/*/dropout=*``.

    Raises:
        UsageError: a place that does not exist, or holds neither runs nor the plan of a study.
    """
    entries = [entry for home, runs in survey.take(places).items() for entry in _read(home, runs)]
    return sorted(entries, key=lambda entry: entry.path.parts)


def _read(home: str, runs: Mapping[str, Look | None]) -> list[Entry]:
    """Entries of runs below a folder, from its index as far as that is up to date."""
    index = Cache(Path(home), read=len(runs) >= cache.FEWEST)
    places = {run: run.removeprefix(home).lstrip(os.sep) for run in runs}
    found = {run: index.get(Path(run), places[run], seen) if seen else None for run, seen in runs.items()}
    unknown = [run for run, seen in runs.items() if seen and found[run] is None]
    others = unknown[int(len(unknown) * helper.OWN) :]
    second = helper.start(home, [places[run] for run in others])
    try:
        later = set(others if second else ())
        for run, seen in runs.items():
            if found[run] is None and run not in later:
                found[run] = _new(index, run, places[run], seen)
        if second is not None:
            written = second.take()
            if written is not None:
                index.add(written)
            for run in others:
                seen = runs[run]
                known = index.get(Path(run), places[run], seen) if seen else None
                found[run] = known or _new(index, run, places[run], seen)
    finally:
        if second is not None:
            second.stop()
    index.save()
    return [entry for entry in found.values() if entry is not None]


def _new(index: Cache, run: str, place: str, seen: Look | None) -> Entry | None:
    """Reads a run, and remembers it; None where it has been removed this moment."""
    path = Path(run)
    entry = read_entry(path, seen.modified if seen else None)
    if entry.status in ("empty", "damaged") and not path.is_dir():
        return None
    if seen is not None:
        index.put(entry, place, seen)
    return entry


def studies(entries: Iterable[Entry]) -> dict[Path, Mapping[str, Any] | DamagedError]:
    """The plans of the studies beside runs, by the folder they lie in; the error where one is damaged."""
    found: dict[Path, Mapping[str, Any] | DamagedError] = {}
    # One run of each folder, since to name the folder of each takes longer.
    some = {entry.path.parts[:-1]: entry.path for entry in entries}
    for folder in (path.parent for path in some.values()):
        try:
            plan = study_file.load(folder)
        except DamagedError as error:
            found[folder] = error
        else:
            if plan is not None:
                found[folder] = plan
    return found
