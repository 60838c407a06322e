"""Many run folders at once."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError, FileSystemError, UsageError
from dltricks.runs import files, reading, study_file
from dltricks.runs.entry import Entry, read_entry
from dltricks.runs.names import id_of

__all__ = ["Entry", "scan", "studies"]


def scan(places: Sequence[Path]) -> list[Entry]:
    """All runs at some places, each once, sorted by their paths.

    Two folders that hold the same run, as copies do, are two entries with the same hash.

    Args:
        places: folders of runs, of studies (``runs/<name>``), or of single runs; a place that does not exist may be
            a pattern, such as ``runs/*/dropout=*``.

    Raises:
        UsageError: a place that does not exist or holds no run.
    """
    found: dict[tuple[int, int] | str, Path] = {}
    for place in places:
        expanded = _expand(place)
        runs = [run for folder in expanded for run in _runs(folder)]
        if not runs:
            raise UsageError(f"{place}: holds no runs")
        for run in runs:
            found.setdefault(_identity(run), run)
    return [read_entry(path) for path in sorted(found.values())]


def studies(entries: Iterable[Entry]) -> dict[Path, Mapping[str, Any] | DamagedError]:
    """The plans of the studies beside runs, by the folder they lie in; the error where one is damaged."""
    found: dict[Path, Mapping[str, Any] | DamagedError] = {}
    for folder in dict.fromkeys(entry.path.parent for entry in entries):
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


def _runs(place: Path) -> list[Path]:
    """The place itself where it is a run, else the runs among its folders, else those in each of these."""
    if _is_run(place):
        return [place]
    found = []
    for child in _folders(place):
        if _is_run(child):
            found.append(child)
        else:
            inside = [run for run in _folders(child) if _is_run(run) or id_of(run.name)]
            found += inside or ([child] if id_of(child.name) else [])
    return found or ([place] if id_of(place.name) else [])


def _folders(place: Path) -> list[Path]:
    try:
        return [place / name for name in files.names(place) if not name.startswith(".") and (place / name).is_dir()]
    except FileSystemError:
        return []


def _is_run(path: Path) -> bool:
    return any((path / name).is_file() for name in (reading.CONFIG, reading.RUN, reading.METRICS, reading.WEIGHTS))


def _identity(path: Path) -> tuple[int, int] | str:
    about = path.stat()
    return (about.st_dev, about.st_ino) if about.st_ino else str(path.resolve())
