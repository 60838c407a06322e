"""Logs: files of one JSON object per line, appended in batches and cut back to what a checkpoint counts."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError
from dltricks.runs import files, sealed

LIMIT = 2**30
_CRC = "crc32"
_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True)
class Mark:
    """How far a log had been written: its lines, bytes, and the SHA-256 of these bytes."""

    lines: int
    size: int
    sha256: str


def encode(line: Mapping[str, Any], *, summed: bool) -> bytes:
    """A line as written: keys in their own order, and as the last one the CRC-32 of the line without it."""
    text = _json(line).encode()
    if summed:
        text = text[:-1] + b',"%b":"%08x"}' % (_CRC.encode(), zlib.crc32(text))
    return text + b"\n"


def decode(raw: bytes | bytearray, path: Path, *, summed: bool, complete: bool = True) -> list[dict[str, Any]]:
    """The lines of a log. Unless it must be ``complete``, it ends where what was written does: a power failure may
    leave anything behind that, also whole lines without those before them.

    Raises:
        DamagedError: a line of a complete log that is not what was written, with its number.
    """
    *whole, torn = bytes(raw).split(b"\n")
    lines = []
    try:
        for number, text in enumerate(whole, 1):
            lines.append(_line(text, f"{path}, line {number}", summed=summed))
        if torn:
            raise DamagedError(f"{path}, line {len(whole) + 1}: torn")
    except DamagedError:
        if complete:
            raise
    return lines


def _line(text: bytes, where: str, *, summed: bool) -> dict[str, Any]:
    line = sealed.parse(text, where)
    if summed:
        line.pop(_CRC, None)
    if encode(line, summed=summed) != text + b"\n":
        raise DamagedError(f"{where}: damaged")
    return line


class Log:
    """A log that is being written. Lines wait in memory until ``sync``."""

    def __init__(self, path: Path, *, summed: bool) -> None:
        """``summed``: each line carries a checksum, for a log whose bytes no other file vouches for."""
        self.path = path
        self._summed = summed
        self._waiting: list[bytes] = []
        self._lines = 0
        self._size = 0
        self._digest = hashlib.sha256()

    def add(self, line: Mapping[str, Any]) -> None:
        """Adds a line of plain finite values."""
        self._waiting.append(encode(line, summed=self._summed))

    def sync(self) -> Mark:
        """Writes the waiting lines durably; how far the log then reaches."""
        if self._waiting:
            data = b"".join(self._waiting)
            files.append_and_sync(self.path, data, self._size)
            self._digest.update(data)
            self._lines += len(self._waiting)
            self._size += len(data)
            self._waiting.clear()
        return Mark(self._lines, self._size, self._digest.hexdigest())

    def fault(self, mark: Mark | None) -> str | None:
        """What keeps the file from being cut back to a mark, if anything."""
        if mark is None:
            return f"says nothing about {self.path.name}"
        content = (files.read(self.path, LIMIT) or bytearray())[: mark.size]
        if len(content) < mark.size:
            return f"{self.path.name} is shorter than it says"
        if hashlib.sha256(content).hexdigest() != mark.sha256 or content.count(b"\n") != mark.lines:
            return f"{self.path.name} is not what it says"
        return None

    def cut(self, mark: Mark) -> None:
        """Cuts the file back to a mark that has no fault, so that writing goes on from there."""
        content = (files.read(self.path, LIMIT) or bytearray())[: mark.size]
        self._waiting.clear()
        self._lines, self._size, self._digest = mark.lines, mark.size, hashlib.sha256(content)
        files.cut(self.path, mark.size)

    def lines(self) -> list[dict[str, Any]]:
        """All lines so far, those that wait included."""
        content = (files.read(self.path, LIMIT) or bytearray())[: self._size]
        return decode(content + b"".join(self._waiting), self.path, summed=self._summed)


START = Mark(0, 0, hashlib.sha256().hexdigest())
"""The mark of a log without lines."""
