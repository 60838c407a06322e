"""Many run folders at once."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError, FileSystemError, UsageError
from dltricks.core.refusals import reported
from dltricks.runs import cache, helper, study_file
from dltricks.runs.cache import NAME, Cache, Look
from dltricks.runs.entry import Entry, read_entry
from dltricks.runs.names import id_of

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
    homes: dict[str, dict[str, Look | None]] = {}
    known: set[tuple[int, int] | str] = set()
    for place in places:
        found = 0
        for folder in _expand(place):
            for home, run, seen in _runs(str(folder)):
                found += 1
                number = _number(run)
                if number not in known:
                    known.add(number)
                    homes.setdefault(home, {})[run] = seen
        if not found and not (place / study_file.NAME).is_file():
            raise UsageError(f"{place}: holds no runs")
    entries = [entry for home, runs in homes.items() for entry in _read(home, runs)]
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


def _number(folder: str) -> tuple[int, int] | str:
    """What is the same for all names of a folder."""
    try:
        about = os.stat(folder)  # noqa: PTH116, as in cache.look
    except OSError:
        return folder
    return (about.st_dev, about.st_ino) if about.st_ino else os.path.realpath(folder)


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


def _expand(place: Path) -> list[Path]:
    if place.is_dir():
        return [place]
    if glob.has_magic(str(place)):
        found = map(Path, sorted(glob.glob(str(place))))  # noqa: PTH207, since a Path's own is relative to a folder
        return [path for path in found if path.is_dir()]
    raise UsageError(f"{place}: {'is no folder' if place.exists() else 'no such folder'}")


def _runs(place: str) -> Iterator[tuple[str, str, Look | None]]:
    """The place itself where it is a run, else the runs among its folders, else those in each of these.

    Each with the folder for its index, and what its files look like; None of one that has none.
    """
    seen = cache.look(place)
    if seen is not None:
        yield os.path.dirname(place) or ".", place, seen  # noqa: PTH120
        return
    some = False
    for child in _folders(place):
        seen = cache.look(child)
        if seen is not None:
            some = True
            yield place, child, seen
            continue
        for run, seen in _inside(child):
            some = True
            yield place, run, seen
    if not some and _is_named(place):
        yield os.path.dirname(place) or ".", place, None  # noqa: PTH120


def _inside(folder: str) -> list[tuple[str, Look | None]]:
    try:
        looks = [(run, cache.look(run)) for run in _folders(folder)]
    except FileSystemError:
        return [(folder, None)]  # the entry will tell
    found = [(run, seen) for run, seen in looks if seen is not None or _is_named(run)]
    return found or ([(folder, None)] if _is_named(folder) else [])


def _is_named(folder: str) -> bool:
    """Whether it is called as runs are, so that one without files is an empty run."""
    return bool(id_of(os.path.basename(folder)))  # noqa: PTH119


def _folders(place: str) -> list[str]:
    """The folders in a folder, but hidden ones."""
    with reported(Path(place)), os.scandir(place) as found:
        return [entry.path for entry in found if not entry.name.startswith(".") and entry.is_dir()]
