"""What was read of run folders, kept in one hidden file so that the next reading need not open theirs.

A cache and nothing more: it can be deleted at any time, and is ignored where it is damaged, of another version, or
cannot be written. It holds runs that have ended, and counts as long as the sizes, times and inode numbers of a run's
files are those that were seen before they were read. It is JSON and numbers, and checked as a whole by its SHA-256.

    dltricks index 3\\n · SHA-256 of all that follows · length of the JSON · the JSON · the numbers of each run

The numbers of a run are those of its best and final epoch and of its test, each an int64 or a float64, then in float64
each metric over all epochs, and the seconds of the epochs.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from dltricks.core.errors import FileSystemError
from dltricks.core.refusals import reported
from dltricks.runs import files, lock, reading
from dltricks.runs.entry import Entry, Epochs, Line

NAME = ".dltricks-index"
FEWEST = 16
"""Fewer runs are read as fast without it, and no file is left beside them."""
LARGEST = 2**32
"""Bytes of an index that is read at all."""
_HEAD = b"dltricks index 3\n"
_CHUNK = 2**20
_IN_MEMORY = 2**26
"""Bytes of numbers up to which they need no temporary file."""
_FRESH = 2.0
"""Seconds. A file that was changed so shortly before may be changed again without another time or size."""
_WATCHED = (reading.CONFIG, reading.RUN, reading.METRICS, reading.TIMING, reading.WEIGHTS, lock.NAME)
"""With the lock, in which whoever takes it writes: a run that has ended and of which nobody took it is not held."""
_TOO_LARGE = 2**63
"""What no int64 holds. A run with such a number is read anew each time."""
_ABSENT = (-1, 0, 0, 0)
_NUMBERS = struct.Struct(f"<{len(_WATCHED) * len(_ABSENT)}q")
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error)
"""What can happen to someone who reads an index that is not what was written."""


class Look(NamedTuple):
    """A run's files as the file system tells of them, none opened."""

    mark: str
    """The same as long as no file was touched."""
    settled: bool
    """Whether a later change would show."""
    modified: float
    """When run.json was written, or else the newest of them."""


def look(folder: str) -> Look | None:
    """Looks at a run's files; None where there is none of them, and so no run."""
    numbers: list[int] = []
    ended, some = 0, False
    for name in _WATCHED:
        try:
            about = os.stat(f"{folder}/{name}")  # noqa: PTH116, since making paths takes longer than the call
        except OSError:
            numbers += _ABSENT
            continue
        numbers += (about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino & 2**63 - 1)
        some |= stat.S_ISREG(about.st_mode) and name != lock.NAME
        if name == reading.RUN:
            ended = about.st_mtime_ns
    if not some:
        return None
    newest = max(*numbers[1::4], *numbers[2::4])
    mark = hashlib.blake2b(_NUMBERS.pack(*numbers), digest_size=16).hexdigest()
    return Look(mark, time.time_ns() - newest > _FRESH * 1e9, (ended or newest) / 1e9)


class Shape(NamedTuple):
    """What many runs have in common: all but their hashes, their configurations and their numbers."""

    status: reading.Status
    name: str
    role: str | None
    epochs: int
    metrics: tuple[str, ...]
    lines: tuple[tuple[str, ...] | None, ...]
    """The names in the best and the final epoch and in the test, as far as these are there."""
    kinds: str
    """Of each number of the lines ``q`` for an int or ``d`` for a float, as in ``struct``."""

    @classmethod
    def of(cls, entry: Entry) -> Shape:
        """That of a run."""
        lines = _lines(entry)
        names = tuple(None if line is None else tuple(line) for line in lines)
        kinds = "".join(map(_kinds, lines))
        return cls(entry.status, entry.name, entry.role, entry.epochs, entry.metrics, names, kinds)

    @classmethod
    def parse(cls, content: Sequence[Any]) -> Shape:
        """That of some JSON.

        Raises:
            ValueError, TypeError: it is none.
        """
        status, name, role, epochs, metrics, lines, kinds = content
        lines = tuple(None if line is None else tuple(map(sys.intern, line)) for line in lines)
        found = cls(status, name, role, epochs, tuple(map(sys.intern, metrics)), lines, kinds)
        if {type(name), type(role or ""), type(kinds)} != {str} or type(epochs) is not int or epochs < 0:
            raise TypeError("not the shape of a run")
        count = sum(len(line or ()) for line in lines)
        if status not in reading.ENDED or set(kinds) - {"q", "d"} or len(kinds) != count or len(lines) != 3:
            raise ValueError("not the shape of a run that has ended")
        return found


class Numbers:
    """The numbers of many runs' epochs, which are kept in memory only where they are few."""

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self.size = 0

    def __del__(self) -> None:
        self._file.close()

    def add(self, content: bytes) -> None:
        """Appends some."""
        with reported(Path(tempfile.gettempdir())):
            if self.size <= _IN_MEMORY < self.size + len(content):
                kept = self.get(0, self.size)
                self._file = tempfile.TemporaryFile()  # noqa: SIM115, open as long as entries are
                self._file.write(kept)
            self._file.seek(self.size)
            self._file.write(content)
        self.size += len(content)

    def get(self, offset: int, size: int) -> bytes:
        """What was added at some place."""
        self._file.seek(offset)
        return self._file.read(size)


class Written:
    """An index as it lies in a file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Reads and checks it.

        Raises:
            OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError: it is not what was written.
        """
        size = os.fstat(file.fileno()).st_size
        if file.read(len(_HEAD)) != _HEAD or size > LARGEST:
            raise ValueError("not an index of this version")
        said, length = file.read(32), file.read(8)
        digest = hashlib.sha256(length)
        text = file.read(min(size, int.from_bytes(length, "little")))
        digest.update(text)
        self._numbers = Numbers()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            self._numbers.add(chunk)
        if digest.digest() != said:
            raise ValueError("not what was written")
        content = json.loads(text)
        self._values = [(sys.intern(key), value) for key, value in content["values"]]
        shapes = map(Shape.parse, content["shapes"])
        self._shapes = [(shape, struct.Struct(f"<{shape.kinds}")) for shape in shapes]
        self._runs: dict[str, list[Any]] = dict(content["runs"])

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, folder: Path, place: str, seen: Look) -> Entry | None:
        """What was read of a run before, if it is still the same."""
        row = self._runs.get(place)
        try:
            if row is None or row[0] != seen.mark:
                return None
            _, config_hash, config, number, offset, size = row
            shape, form = self._shapes[number]
            status, name, role, epochs, metrics, lines, _ = shape
            config = dict(map(self._values.__getitem__, config))
            numbers, at = self._numbers, offset + form.size
            fits = len(metrics) * epochs * 8 <= size and size % 8 == 0 and offset >= 0 and at + size <= numbers.size
            if not fits or type(config_hash) is not str or type(size) is not int:
                return None
            values = iter(form.unpack(numbers.get(offset, form.size)))
        except UNREADABLE:
            return None
        best, final, test = (None if names is None else dict(zip(names, values, strict=False)) for names in lines)
        recorded = Epochs(metrics, epochs, lambda: numbers.get(at, size))
        return Entry(
            folder, status, name, config_hash, config, role, epochs, best, final, test, None, seen.modified, recorded
        )


class Cache:
    """The index of one folder: of the runs in it, or in the folders in it."""

    def __init__(self, home: Path, *, read: bool = True) -> None:
        """Reads what is there, unless told otherwise."""
        self.home = home
        self._written: list[Written] = []
        self._numbers = Numbers()
        self._kept: list[tuple[str, Entry, Look]] = []
        self._changed = False
        with suppress(*UNREADABLE):
            if read:
                with os.fdopen(files.open_regular(home / NAME, os.O_RDONLY), "rb") as file:
                    self._written.append(Written(file))

    def add(self, written: Written) -> None:
        """Takes what another process has read."""
        self._written.append(written)
        self._changed = True

    def get(self, folder: Path, place: str, seen: Look) -> Entry | None:
        """What was read of a run before, if it is still the same."""
        for written in self._written:
            entry = written.get(folder, place, seen)
            if entry is not None:
                self._kept.append((place, entry, seen))
                return entry
        return None

    def put(self, entry: Entry, place: str, seen: Look) -> None:
        """Remembers what was read of a run, and keeps its numbers here."""
        content, offset, numbers = entry.recorded.fetch(), self._numbers.size, self._numbers
        size = len(content)
        numbers.add(content)
        entry.recorded.fetch = lambda: numbers.get(offset, size)
        whole = [value for line in _lines(entry) for value in (line or {}).values() if type(value) is int]
        if entry.status in reading.ENDED and seen.settled and all(abs(value) < _TOO_LARGE for value in whole):
            self._kept.append((place, entry, seen))
            self._changed = True

    def save(self) -> None:
        """Writes the index if something has changed; that it cannot be written is no failure."""
        gone = sum(map(len, self._written)) > 2 * len(self._kept)
        if (self._changed or gone) and len(self._kept) >= FEWEST:
            with suppress(FileSystemError):
                files.write_atomically(self.home / NAME, self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the index, of all that was got and put."""
        values, shapes = _Shared(), _Shared()
        runs: dict[str, list[Any]] = {}
        digest, offset = hashlib.sha256(), 0
        for place, entry, seen in self._kept:
            config = [values.number((key, id(value)), (key, value)) for key, value in entry.config.items()]
            shape = Shape.of(entry)
            size = len(entry.recorded.fetch())
            runs[place] = [seen.mark, entry.hash, config, shapes.number(shape, shape), offset, size]
            offset += 8 * len(shape.kinds) + size
        content = {"values": values.items, "shapes": shapes.items, "runs": runs}
        text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
        head = len(text).to_bytes(8, "little") + text
        digest.update(head)
        for numbers in self._packed():
            digest.update(numbers)
        yield _HEAD + digest.digest() + head
        yield from self._packed()

    def _packed(self) -> Iterator[bytes]:
        """The numbers of each run."""
        for _, entry, _ in self._kept:
            yield b"".join([*map(_pack, _lines(entry)), entry.recorded.fetch()])


def _lines(entry: Entry) -> tuple[Line | None, Line | None, Line | None]:
    return entry.best, entry.final, entry.test


def _pack(line: Line | None) -> bytes:
    return b"" if line is None else struct.pack(f"<{_kinds(line)}", *line.values())


def _kinds(line: Line | None) -> str:
    return "".join(["q" if type(value) is int else "d" for value in (line or {}).values()])


class _Shared:
    """Values that many runs have in common, each once."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, key: Any, item: Any) -> int:
        """The place of an item, which is added if the key is new."""
        number = self._numbers.setdefault(key, len(self.items))
        if number == len(self.items):
            self.items.append(item)
        return number
