"""Disks that break: put in place of ``dltricks.runs.files.disk``."""

import errno
from pathlib import Path

from dltricks.runs.files import Disk


class Killed(BaseException):
    """Stands for the end of the process: no handler of Exception sees it."""


class BrokenDisk(Disk):
    """Fails the N-th operation, or all from the N-th on. Without N it only counts.

    Nothing is synced in earnest: that takes most of the time, and no test cuts the power.
    """

    def __init__(self, fail_at=None, error=errno.EIO, *, persistent=False):
        self.fail_at, self.error, self.persistent = fail_at, error, persistent
        self.count = 0

    def _operation(self):
        self.count += 1
        if self.fail_at is not None and (self.count == self.fail_at or (self.persistent and self.count > self.fail_at)):
            raise self.error if isinstance(self.error, BaseException) else OSError(self.error, "broken")

    def open(self, path, flags):
        self._operation()
        return super().open(path, flags)

    def read(self, fd, into):
        self._operation()
        return super().read(fd, into)

    def write(self, fd, data):
        self._operation()
        return super().write(fd, data)

    def truncate(self, fd, size):
        self._operation()
        super().truncate(fd, size)

    def fsync(self, fd):
        self._operation()

    def close(self, fd):
        super().close(fd)
        self._operation()

    def replace(self, source, target):
        self._operation()
        super().replace(source, target)

    def unlink(self, path):
        self._operation()
        super().unlink(path)

    def mkdir(self, path):
        self._operation()
        super().mkdir(path)

    def rmdir(self, path):
        self._operation()
        super().rmdir(path)

    def names(self, path):
        self._operation()
        return super().names(path)

    def fsync_folder(self, path):
        self._operation()
        if not path.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder")


class ShortDisk(Disk):
    """Writes and reads three bytes at a time."""

    def write(self, fd, data):
        return super().write(fd, data[:3])

    def read(self, fd, into):
        return super().read(fd, into[:3])


class VolatileDisk(BrokenDisk):
    """Remembers what a power failure would leave: synced contents under synced names, and nothing else."""

    def __init__(self, root, fail_at=None):
        super().__init__(fail_at, Killed(), persistent=True)
        self.root = root
        self.folders = {}  # path -> names in it: {name: number of a file, or None for a folder}
        self.durable = {}  # path -> the names at its last sync
        self.contents = []  # number of a file -> content at its last sync
        self.opened = {}  # descriptor -> number of a file
        for path in [root, *root.rglob("*")]:
            if path.is_dir():
                self.folders[path], self.durable[path] = {}, {}
        for path in root.rglob("*"):
            number = None if path.is_dir() else self._number(path.read_bytes())
            self.folders[path.parent][path.name] = self.durable[path.parent][path.name] = number

    def _number(self, content):
        self.contents.append(content)
        return len(self.contents) - 1

    def open(self, path, flags):
        fd = super().open(path, flags)
        names = self.folders[path.parent]
        if path.name not in names:
            names[path.name] = self._number(b"")
        self.opened[fd] = names[path.name]
        return fd

    def fsync(self, fd):
        super().fsync(fd)
        self.contents[self.opened[fd]] = Path(f"/proc/self/fd/{fd}").read_bytes()

    def replace(self, source, target):
        super().replace(source, target)
        self.folders[target.parent][target.name] = self.folders[source.parent].pop(source.name)

    def unlink(self, path):
        super().unlink(path)
        self.folders[path.parent].pop(path.name)

    def mkdir(self, path):
        super().mkdir(path)
        self.folders[path.parent][path.name] = None
        self.folders[path], self.durable[path] = {}, {}

    def rmdir(self, path):
        super().rmdir(path)
        self.folders[path.parent].pop(path.name)
        del self.folders[path]  # its last synced names stay, for as long as its own name does

    def fsync_folder(self, path):
        super().fsync_folder(path)
        if path in self.folders:
            self.durable[path] = dict(self.folders[path])

    def after_power_failure(self, target, path=None):
        """Writes what is left of ``root`` into another folder."""
        path = path or self.root
        target.mkdir()
        for name, number in self.durable[path].items():
            if number is None:
                self.after_power_failure(target / name, path / name)
            else:
                (target / name).write_bytes(self.contents[number])
