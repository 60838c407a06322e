"""Which folders hold runs, and what their files look like: what comes before anything is opened.

Of ten thousand runs that are seventy thousand questions to the file system. A command that is going to ask them can
``begin`` while it still loads its modules: a copy of its process asks.
"""

from __future__ import annotations

import glob
import os
import pickle
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from dltricks.core.cores import available_cores, copyable
from dltricks.core.errors import FileSystemError, UsageError
from dltricks.core.refusals import reported
from dltricks.runs import cache, study_file
from dltricks.runs.cache import Look
from dltricks.runs.names import id_of

Homes = dict[str, dict[str, Look | None]]
"""Folders of an index, with the runs below them and what these look like, None of one without files."""

_begun: dict[tuple[Path, ...], _Copy] = {}


class _Copy:
    """A copy of this process that looks."""

    def __init__(self, places: Sequence[Path]) -> None:
        """Starts it.

        Raises:
            OSError: there cannot be one.
        """
        ours, its = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(ours)
            os.close(its)
            raise
        if self._pid == 0:
            os.close(ours)
            _look(places, its)
        os.close(its)
        self._ours = ours

    def take(self) -> Homes | None:
        """What it has found; None where it failed, for whatever reason."""
        with os.fdopen(self._ours, "rb") as ours:
            found = ours.read()
        _, status = os.waitpid(self._pid, 0)
        return pickle.loads(found) if status == 0 else None


def _look(places: Sequence[Path], its: int) -> NoReturn:
    code = 1
    try:
        with os.fdopen(its, "wb") as out:
            out.write(pickle.dumps(_survey(places)))
        code = 0
    finally:  # nothing else of the process that this is a copy of is to happen, whatever was raised
        os._exit(code)


def begin(places: Sequence[Path]) -> None:
    """Looks at some places beforehand, where there is a processor for a copy of this process."""
    if copyable() and available_cores() > 1:
        with suppress(OSError):
            _begun[tuple(places)] = _Copy(places)


def take(places: Sequence[Path]) -> Homes:
    """All runs at some places, each once.

    Raises:
        UsageError: a place that does not exist, or holds neither runs nor the plan of a study.
    """
    copy = _begun.pop(tuple(places), None)
    found = copy.take() if copy else None
    return _survey(places) if found is None else found


def _survey(places: Sequence[Path]) -> Homes:
    homes: Homes = {}
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
    return homes


def _number(folder: str) -> tuple[int, int] | str:
    """What is the same for all names of a folder."""
    try:
        about = os.stat(folder)  # noqa: PTH116, as in cache.look
    except OSError:
        return folder
    return (about.st_dev, about.st_ino) if about.st_ino else os.path.realpath(folder)


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
