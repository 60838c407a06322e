"""Removing run folders: only what dltricks writes there, and so that a removal cut short leaves no half of a result."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from dltricks.core.errors import FileSystemError
from dltricks.core.refusals import reported
from dltricks.runs import checkpoint, files, lock, reading

_ORDER = (
    reading.RUN,  # vouches for the others
    reading.CHECKPOINTS,
    reading.PLUGINS,
    reading.WEIGHTS,
    reading.METRICS,
    reading.TIMING,
    reading.ENVIRONMENT,
    reading.CONFIG,  # without it the rest would be no run that a later call knows
    lock.NAME,
)
"""As the parts of a run go."""
_FOLDERS = (reading.CHECKPOINTS, reading.PLUGINS)


@dataclass(frozen=True)
class Contents:
    """What lies in a run folder."""

    own: tuple[Path, ...]
    """Files that dltricks wrote, in the order in which they are removed."""
    foreign: tuple[Path, ...]
    """All else: files of other names, and links or folders in place of files."""
    bytes: int
    """Of its own files."""

    @property
    def bare(self) -> bool:
        """Whether nothing of a run is left but the lock and what was being written."""
        return not self.foreign and all(path.name == lock.NAME or _is_temporary(path) for path in self.own)


def look(run: Path) -> Contents:
    """What lies in a run folder. No link is followed, and nothing is opened.

    Raises:
        FileSystemError: it cannot be looked at.
    """
    paths = [run / name for name in files.names(run)]
    for folder in _folders(run):
        paths.remove(folder)
        paths += [folder / name for name in files.names(folder)]
    own, foreign, size = list[Path](), list[Path](), 0
    for path in paths:
        with reported(path):
            about = path.lstat()
        if stat.S_ISREG(about.st_mode) and _is_own(run, path):
            own.append(path)
            size += about.st_size
        else:
            foreign.append(path)
    return Contents(tuple(sorted(own, key=lambda path: (_rank(run, path), path))), tuple(foreign), size)


def remove(run: Path, still: Callable[[], bool]) -> tuple[Path, ...] | None:
    """Removes a run, and its folder unless something foreign lies in it.

    Args:
        run: the folder.
        still: whether the run is still to be removed; asked when no other process can train it any more.

    Returns:
        What is foreign and stays; None if the run was not to be removed.

    Raises:
        LockedError: another process trains this run.
        FileSystemError: something could not be removed; another call goes on.
    """
    if run.is_symlink():
        raise FileSystemError(f"{run}: a link, which is not followed here; remove it")
    with lock.hold(run):
        if not still():
            return None
        found = look(run)
        _empty(run, found)
        if os.name == "posix":
            _leave(run)
    if os.name != "posix":  # Windows removes no file that is open, as the lock is while it is held
        _leave(run)
    return found.foreign


def _empty(run: Path, found: Contents) -> None:
    # A power failure is to bring nothing back that had gone before: no checkpoint whose log is gone, for one.
    for part, paths in groupby(found.own, lambda path: path.relative_to(run).parts[0]):
        if part == reading.CONFIG:
            files.sync_folder(run)
        if part != lock.NAME:
            for path in paths:
                files.remove(path)
        if part == reading.RUN:
            files.sync_folder(run)
        elif part == reading.CHECKPOINTS:
            files.sync_folder(run / part)
    for folder in _folders(run):
        files.remove_folder(folder)


def _leave(run: Path) -> None:
    files.remove(run / lock.NAME)
    # Someone who waited for the lock may have made another: then the folder stays, and is theirs.
    files.remove_folder(run)
    files.sync_folder(run.parent)


def _folders(run: Path) -> list[Path]:
    return [run / name for name in _FOLDERS if (run / name).is_dir() and not (run / name).is_symlink()]


def _is_own(run: Path, path: Path) -> bool:
    """Whether dltricks gives files such a name at such a place."""
    if _is_temporary(path):
        return True
    if path.parent == run:
        return path.name in _ORDER and path.name not in _FOLDERS
    if path.parent.name == reading.PLUGINS:
        return path.suffix == ".py"
    return path.stem.isdecimal() and path == checkpoint.path_of(path.parent, int(path.stem))


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(files.TEMPORARY)


def _rank(run: Path, path: Path) -> int:
    part = path.relative_to(run).parts[0]
    return _ORDER.index(part) if part in _ORDER else 1
