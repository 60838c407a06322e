"""What a power failure may leave: of everything that was not synced, all, nothing, or any part in any order."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runs.disks import BrokenDisk

Mode = Literal["nothing", "everything", "names", "some"]
MODES: tuple[Mode, ...] = ("nothing", "everything", "names", "some", "some", "some")
"""What becomes of that which was not synced: ``names`` keeps all names and no content, as some file systems do."""
Operation = tuple[Any, ...]


class RecordingDisk(BrokenDisk):
    """Writes down every change below a folder. Nothing is synced in earnest."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.log: list[Operation] = []
        self.begin: dict[str, bytes | None] = {
            str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
        }
        self._inodes = {name: number for number, name in enumerate(n for n, c in self.begin.items() if c is not None)}
        self._count = len(self._inodes)
        self._open: dict[int, int] = {}

    def mark(self, step: int) -> None:
        """Notes that a step of training was done."""
        self.log.append(("step", step))

    def _name(self, path: Path) -> str:
        return str(path.absolute().relative_to(self.root))

    def open(self, path: Path, flags: int) -> int:
        fd = super().open(path, flags)
        name = self._name(path)
        if name not in self._inodes:
            self._inodes[name] = self._count
            self._count += 1
            self.log.append(("create", name, self._inodes[name]))
        self._open[fd] = self._inodes[name]
        return fd

    def write(self, fd: int, data: memoryview) -> int:
        at = os.lseek(fd, 0, os.SEEK_CUR)
        written: int = super().write(fd, data)
        self.log.append(("write", self._open[fd], at, bytes(data[:written])))
        return written

    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        self.log.append(("truncate", self._open[fd], size))

    def fsync(self, fd: int) -> None:
        super().fsync(fd)
        self.log.append(("fsync", self._open[fd]))

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        inode = self._inodes[self._name(target)] = self._inodes.pop(self._name(source))
        self.log.append(("rename", self._name(source), self._name(target), inode))

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        del self._inodes[self._name(path)]
        self.log.append(("unlink", self._name(path)))

    def mkdir(self, path: Path) -> None:
        super().mkdir(path)
        self.log.append(("mkdir", self._name(path)))

    def fsync_folder(self, path: Path) -> None:
        super().fsync_folder(path)
        path = path.absolute()
        if path == self.root or self.root in path.parents:
            self.log.append(("sync", self._name(path)))


@dataclass
class _File:
    durable: bytes = b""
    pending: list[Operation] = field(default_factory=list)

    def content(self, mode: Mode, rng: random.Random) -> bytes:
        if mode == "everything":
            return _applied(self.durable, self.pending)
        if mode == "names":
            # The size had been noted, what belongs there had not been written.
            size = len(_applied(self.durable, self.pending)) if rng.random() < 0.5 else len(self.durable)
            return self.durable[:size].ljust(size, b"\0")
        if mode == "nothing" or not self.pending:
            return self.durable
        done = rng.randrange(len(self.pending) + 1)
        pending = list(self.pending[:done])
        if pending and pending[-1][0] == "write":
            kind, inode, at, data = pending[-1]
            pending[-1] = (kind, inode, at, data[: rng.randrange(len(data) + 1)])
        return _applied(self.durable, pending)


def _applied(content: bytes, operations: Sequence[Operation]) -> bytes:
    for operation in operations:
        if operation[0] == "truncate":
            content = content[: operation[2]]
        else:
            at, data = operation[2:]
            content = content[:at].ljust(at, b"\0") + data + content[at + len(data) :]
    return content


def after_power_failure(disk: RecordingDisk, prefix: int, mode: Mode, rng: random.Random, target: Path) -> int:
    """Writes what may be left after so many operations into a new folder; the steps of training done till then."""
    files: dict[int, _File] = {}
    durable: dict[str, int | None] = {}
    for name, content in disk.begin.items():
        durable[name] = None if content is None else len(files)
        if content is not None:
            files[len(files)] = _File(content)
    pending: list[Operation] = []
    steps = 0
    for operation in disk.log[:prefix]:
        kind = operation[0]
        if kind == "step":
            steps = operation[1]
        elif kind in ("write", "truncate"):
            files.setdefault(operation[1], _File()).pending.append(operation)
        elif kind == "fsync":
            file = files.setdefault(operation[1], _File())
            file.durable, file.pending = _applied(file.durable, file.pending), []
        elif kind == "sync":
            ours = [each for each in pending if _folder(each) == operation[1]]
            _rename(durable, ours)
            pending = [each for each in pending if each not in ours]
        else:
            pending.append(operation)
    kept = {"nothing": [], "everything": pending, "names": pending}.get(mode)
    if kept is None:
        kept = [each for each in pending if rng.random() < 0.5]
    _rename(durable, kept)
    target.mkdir()
    for name, inode in sorted(durable.items()):
        path = target / name
        if not path.parent.is_dir():
            continue  # in a folder whose own name was lost
        if inode is None:
            path.mkdir()
        else:
            path.write_bytes(files.setdefault(inode, _File()).content(mode, rng))
    return steps


def _folder(operation: Operation) -> str:
    """Where an operation on names takes place; both names of a renaming are in one folder."""
    return str(Path(operation[1]).parent)


def _rename(names: dict[str, int | None], operations: Sequence[Operation]) -> None:
    for operation in operations:
        kind = operation[0]
        if kind == "mkdir":
            names[operation[1]] = None
        elif kind == "create":
            names[operation[1]] = operation[2]
        elif kind == "unlink":
            names.pop(operation[1], None)
        else:
            _, source, target, inode = operation
            names.pop(source, None)
            names[target] = inode
