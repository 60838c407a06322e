"""The lock of a run folder, held by the operating system: it ends with its holder, however that ends.

The content of ``.lock`` only tells people who holds it. Whether it is held is never read from there.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from dltricks.core.errors import LockedError
from dltricks.core.refusals import reported
from dltricks.runs import files

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

NAME = ".lock"
# Someone who asks whether the lock is held takes it for an instant; only a longer hold is another run.
_TRIES, _PAUSE = 10, 0.01
_held: set[int] = set()


@contextmanager
def hold(folder: Path) -> Iterator[Callable[[], bool]]:
    """Holds the lock of an existing folder.

    Gives a function that says whether it still protects what lies at this path: a folder that was moved or removed
    took its lock with it.

    Raises:
        LockedError: another process holds it; the message names host and process.
    """
    path = folder / NAME
    with reported(path):
        fd = _acquire(path)
    _held.add(fd)
    try:
        with reported(path):
            _introduce(fd)
        yield lambda: _is_at(fd, path)
    finally:
        # A forked child has closed its copy already.
        if fd in _held:
            _held.discard(fd)
            _release(fd)
            os.close(fd)


def is_held(folder: Path) -> bool:
    """Whether some process is training in this folder."""
    path = folder / NAME
    with reported(path):
        try:
            fd = files.open_regular(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return not _try(fd, shared=True)
        finally:
            os.close(fd)


def _acquire(path: Path) -> int:
    for _ in range(_TRIES):
        fd = files.open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            # A lock on a file that was replaced in between protects nothing.
            if _try(fd, shared=False) and _is_at(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        time.sleep(_PAUSE)
    raise LockedError(f"{path.parent}: {_holder(path)} is training this run; wait for it or end it")


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return False


if sys.platform == "win32":

    def _try(fd: int, *, shared: bool) -> bool:
        # Windows keeps others from reading what is locked, so a byte far behind the content is.
        os.lseek(fd, 2**30, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLOCK):
                return False
            raise
        return True

    def _release(fd: int) -> None:
        os.lseek(fd, 2**30, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:

    def _try(fd: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(fd: int) -> None:
        # Closing alone would leave it to a child that was forked this moment.
        fcntl.flock(fd, fcntl.LOCK_UN)


def _introduce(fd: int) -> None:
    start = datetime.now(UTC).isoformat(timespec="seconds")
    about = {"host": platform.node(), "pid": os.getpid(), "start": start}
    files.disk.truncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    files.write_fully(fd, json.dumps(about).encode() + b"\n")


def _holder(path: Path) -> str:
    """Who holds the lock, in words that are safe to print whatever the file says."""
    try:
        about = json.loads(files.read(path, 4096) or b"")
        host = "".join(c for c in str(about["host"]) if c.isascii() and (c.isalnum() or c in ".-_"))[:100]
        return f"process {int(about['pid'])} on host {host or 'unknown'}"
    except (ValueError, LookupError, TypeError, RecursionError):
        return "another process"


def _release_in_child() -> None:
    # A worker process must not keep the lock when the training process is killed.
    for fd in _held:
        with contextlib.suppress(OSError):
            os.close(fd)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
