"""What was read of run folders, kept in one hidden file so that the next reading need not open theirs.

A cache and nothing more: it can be deleted at any time, and is ignored where it is damaged, of another version, or
cannot be written. It holds runs that have ended, and counts as long as the sizes, times and inode numbers of a run's
files are those that were seen before they were read. It is JSON and float64, and checked as a whole by its SHA-256.

    dltricks index 2\\n · SHA-256 of all that follows · length of the JSON · the JSON · the numbers of each run's epochs
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dltricks.core.errors import FileSystemError
from dltricks.core.refusals import reported
from dltricks.runs import files, lock, reading
from dltricks.runs.entry import Entry, Epochs

NAME = ".dltricks-index"
FEWEST = 16
"""Fewer runs are read as fast without it, and no file is left beside them."""
LARGEST = 2**32
_HEAD = b"dltricks index 2\n"
_CHUNK = 2**20
_IN_MEMORY = 2**26
_FRESH = 2.0
"""Seconds. A file that was changed so shortly before may be changed again without another time or size."""
_WATCHED = (reading.CONFIG, reading.RUN, reading.METRICS, reading.TIMING, reading.WEIGHTS, lock.NAME)
"""With the lock, in which whoever takes it writes: a run that has ended and of which nobody took it is not held."""
_ABSENT = (-1, 0, 0, 0)
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What can happen to someone who reads an index that is not what was written."""


@dataclass(frozen=True, slots=True)
class Look:
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
    newest = max(max(numbers[1::4]), max(numbers[2::4]))
    mark = hashlib.blake2b(struct.pack(f"<{len(numbers)}q", *numbers), digest_size=16).hexdigest()
    return Look(mark, time.time_ns() - newest > _FRESH * 1e9, (ended or newest) / 1e9)


class Numbers:
    """The numbers of many runs' epochs, which are kept in memory only where they are few."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115, open as long as entries are
        self.size = 0

    def __del__(self) -> None:
        self._file.close()

    def add(self, content: bytes) -> None:
        """Appends some."""
        with reported(Path(tempfile.gettempdir())):
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
        self._names = [tuple(map(sys.intern, names)) for names in content["names"]]
        self._runs: dict[str, list[Any]] = dict(content["runs"])

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, folder: Path, place: str, seen: Look) -> Entry | None:
        """What was read of a run before, if it is still the same."""
        row = self._runs.get(place)
        try:
            if row is None or row[0] != seen.mark:
                return None
            _, status, name, config_hash, role, config, *lines, metrics, count, offset, size = row
            values, numbers, names = self._values, self._numbers, self._names[metrics]
            best, final, test = (line and dict(zip(self._names[line[0]], line[1:], strict=True)) for line in lines)
            config = {values[i][0]: values[i][1] for i in config}
            fits = 0 <= len(names) * count * 8 <= size and size % 8 == 0 and 0 <= offset <= numbers.size - size
            texts = {type(name), type(config_hash), type(role or "")} == {str}
            plain = all(set(map(type, line.values())) <= {int, float} for line in (best, final, test) if line)
        except (ValueError, LookupError, TypeError):
            return None
        if status not in reading.ENDED or not (fits and texts and plain):
            return None
        recorded = Epochs(names, count, lambda: numbers.get(offset, size))
        return Entry(
            folder, status, name, config_hash, config, role, count, best, final, test, None, seen.modified, recorded
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
        if entry.status in reading.ENDED and seen.settled:
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
        values, names = _Shared(), _Shared()
        runs: dict[str, list[Any]] = {}
        digest, offset = hashlib.sha256(), 0
        for place, entry, seen in self._kept:
            about = [seen.mark, entry.status, entry.name, entry.hash, entry.role]
            config = [values.number((key, id(value)), (key, value)) for key, value in entry.config.items()]
            lines = [
                line and [names.number(tuple(line), list(line)), *line.values()]
                for line in (entry.best, entry.final, entry.test)
            ]
            size = len(entry.recorded.fetch())
            metrics = names.number(entry.metrics, entry.metrics)
            runs[place] = [*about, config, *lines, metrics, entry.epochs, offset, size]
            offset += size
        content = {"values": values.items, "names": names.items, "runs": runs}
        text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
        head = len(text).to_bytes(8, "little") + text
        digest.update(head)
        for _, entry, _ in self._kept:
            digest.update(entry.recorded.fetch())
        yield _HEAD + digest.digest() + head
        for _, entry, _ in self._kept:
            yield entry.recorded.fetch()


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
