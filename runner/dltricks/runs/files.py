"""All writing of files: atomic, durable, and made of single operations that a test can make fail.

Nothing else in the package writes to a run folder. Every ``OSError`` leaves as a ``FileSystemError``
that names the file, the reason and a remedy (``core.refusals``).
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from dltricks.core.errors import DamagedError, UsageError
from dltricks.core.refusals import reported

if sys.platform != "win32":
    import fcntl

Buffer = bytes | bytearray | memoryview
TEMPORARY = ".tmp-"

# Absent on Windows, where links are looked for before opening instead.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
# A named pipe in place of a file must not block; regular files ignore the flag.
_SAFE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


class Disk:
    """The operations themselves, one method each. Tests put another object in place of ``disk``."""

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags, 0o666)

    def read(self, fd: int, into: memoryview) -> int:
        return os.readv(fd, [into]) if hasattr(os, "readv") else _read(fd, into)

    def write(self, fd: int, data: memoryview) -> int:
        """Writes at least one byte and returns how many."""
        return os.write(fd, data)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def fsync(self, fd: int) -> None:
        # On macOS fsync stops at the drive's cache, which a power failure empties.
        if sys.platform == "darwin":
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fsync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def mkdir(self, path: Path) -> None:
        path.mkdir()

    def rmdir(self, path: Path) -> None:
        path.rmdir()

    def names(self, path: Path) -> list[str]:
        return [entry.name for entry in path.iterdir()]

    def fsync_folder(self, path: Path) -> None:
        """Makes names in a folder durable; nothing on Windows, which cannot open folders."""
        if sys.platform == "win32":
            return
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        except PermissionError:
            return  # writable but not readable: its names cannot be synced by us
        try:
            os.fsync(fd)
        except OSError as error:
            # Some network file systems have no such operation; there is nothing to be done instead.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(fd)


def _read(fd: int, into: memoryview) -> int:
    data = os.read(fd, len(into))
    into[: len(data)] = data
    return len(data)


disk = Disk()


def open_regular(path: Path, flags: int, *, follow_links: bool = False) -> int:
    """Opens a file that must be a regular one, and unless told otherwise no link. Raises OSError."""
    if not follow_links:
        flags |= _NO_FOLLOW
        if not _NO_FOLLOW and path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    fd = disk.open(path, flags | _SAFE)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "Not a regular file")
    return fd


def write_fully(fd: int, data: Buffer) -> None:
    """Writes all of the data, however little the system takes at once. Raises OSError."""
    rest = memoryview(data).cast("B")
    while len(rest):
        written = disk.write(fd, rest)
        if written <= 0:
            raise OSError(errno.EIO, "The system wrote nothing")
        rest = rest[written:]


def write_atomically(path: Path, data: bytes | Iterable[Buffer], *, sync_name: bool = True) -> None:
    """Replaces a file by new content, durably: afterwards it is the new one, or on any failure the old.

    Args:
        path: the file.
        data: may come in pieces, so that large arrays need not be copied.
        sync_name: whether it has its name for good at once. Until ``sync_folder`` a power failure may otherwise
            bring the old file back, whole.
    """
    pieces = [data] if isinstance(data, bytes) else data
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{os.getpid()}")
    with reported(path):
        try:
            _write_new(temporary, pieces)
            disk.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                disk.unlink(temporary)
            raise
        if sync_name:
            disk.fsync_folder(path.parent)


def output(path: Path) -> Path:
    """Where a file that the user names is to be written: where a link leads, so that the link stays.

    Raises:
        UsageError: a folder, pipe or device, of which nothing would be left, or below no folder.
    """
    with reported(path):
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise UsageError(f"{path} is a folder")
        if not target.parent.is_dir():
            raise UsageError(f"{path.parent} is not a folder")
        if target.exists() and not target.is_file():
            raise UsageError(f"{path} is a pipe or a device; a file is needed")
    return target


def _write_new(path: Path, pieces: Iterable[Buffer]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        fd = open_regular(path, flags)
    except FileExistsError:
        # Left by a killed process that had the same number, or planted. Removing a link spares its target.
        disk.unlink(path)
        fd = open_regular(path, flags)
    try:
        for piece in pieces:
            write_fully(fd, piece)
        disk.fsync(fd)
    finally:
        disk.close(fd)


def append_and_sync(path: Path, data: bytes, at: int) -> None:
    """Makes a file its own first ``at`` bytes followed by ``data``, durably; a new file's name after ``sync_folder``.

    What lies beyond ``at`` is the torn end of an earlier, failed append and is dropped.

    Raises:
        DamagedError: the file is shorter than ``at``.
    """
    with reported(path):
        fd = open_regular(path, os.O_WRONLY | (os.O_CREAT if at == 0 else 0))
        try:
            size = os.fstat(fd).st_size
            if size < at:
                raise DamagedError(f"{path}: holds {size} bytes of the {at} that were written")
            if size > at:
                disk.truncate(fd, at)
            os.lseek(fd, at, os.SEEK_SET)
            write_fully(fd, data)
            disk.fsync(fd)
        finally:
            disk.close(fd)


def read(path: Path, limit: int, *, follow_links: bool = False) -> bytearray | None:
    """The content of a file, or None where there is none.

    Raises:
        DamagedError: more than ``limit`` bytes; nothing is read then.
    """
    with reported(path):
        try:
            fd = open_regular(path, os.O_RDONLY, follow_links=follow_links)
        except FileNotFoundError:
            return None
        try:
            size = _refuse_larger(fd, limit, path)
            content = bytearray(size)
            done = 0
            with memoryview(content) as view:
                while done < size:
                    count = disk.read(fd, view[done:])
                    if count == 0:
                        break
                    done += count
        finally:
            disk.close(fd)
    del content[done:]
    return content


def size(path: Path) -> int:
    """The bytes in a file, 0 where there is none. Links are followed."""
    with reported(path):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0


def pieces(path: Path, limit: int, *, follow_links: bool = False) -> Iterator[Buffer]:
    """The content of a file, a mebibyte at a time, each in the place of the one before; nothing where there is none.

    Raises:
        DamagedError: more than ``limit`` bytes; nothing is read then.
    """
    with reported(path):
        try:
            fd = open_regular(path, os.O_RDONLY, follow_links=follow_links)
        except FileNotFoundError:
            return
        try:
            _refuse_larger(fd, limit, path)
            with memoryview(bytearray(2**20)) as view:
                while count := disk.read(fd, view):
                    yield view[:count]
        finally:
            disk.close(fd)


def _refuse_larger(fd: int, limit: int, path: Path) -> int:
    """The size of a file that may have so many bytes."""
    size = os.fstat(fd).st_size
    if size > limit:
        raise DamagedError(f"{path}: {size} bytes, more than the {limit} that such a file may have")
    return size


def cut(path: Path, size: int) -> None:
    """Drops what lies beyond ``size``, durably; a missing file stays missing."""
    with reported(path):
        try:
            fd = open_regular(path, os.O_WRONLY)
        except FileNotFoundError:
            return
        try:
            if os.fstat(fd).st_size > size:
                disk.truncate(fd, size)
                disk.fsync(fd)
        finally:
            disk.close(fd)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it. They are durable only after ``sync_folder`` of the folder above each."""
    with reported(path):
        for folder in _missing(path):
            with suppress(FileExistsError):  # another process was faster
                disk.mkdir(folder)


def make_lasting_folder(path: Path) -> None:
    """Makes a folder and those above it, each only when all above are durable.

    So whoever finds a folder need sync no other name than the folder's own, also where its maker was killed.
    """
    with reported(path):
        for folder in _missing(path.absolute()):
            disk.fsync_folder(folder.parent.parent)
            with suppress(FileExistsError):
                disk.mkdir(folder)


def _missing(path: Path) -> list[Path]:
    """What there is not of a folder and those above it, the uppermost first."""
    missing: list[Path] = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    return missing[::-1]


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable."""
    with reported(path if path.name else path.absolute()):  # the current folder has a name too
        disk.fsync_folder(path)


def remove(path: Path) -> None:
    """Removes a file or a link; a missing one is no error."""
    with reported(path), suppress(FileNotFoundError):
        disk.unlink(path)


def remove_folder(path: Path) -> bool:
    """Removes an empty folder; False where it is not empty. A missing one is no error."""
    with reported(path), suppress(FileNotFoundError):
        try:
            disk.rmdir(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return False
    return True


def names(folder: Path) -> list[str]:
    """The names in a folder, sorted; none where there is no folder."""
    with reported(folder):
        try:
            return sorted(disk.names(folder))
        except FileNotFoundError:
            return []


def remove_temporaries(folder: Path) -> None:
    """Removes what killed processes left half written. Only under the folder's lock."""
    for name in names(folder):
        if name.startswith(TEMPORARY):
            remove(folder / name)
