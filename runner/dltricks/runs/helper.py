"""A second process that reads run folders: nearly half of them, while the first one reads the others.

    python -P -m dltricks.runs.helper HOME <places >index

Places below the folder HOME come in on stdin, an index of what was read goes out on stdout (see ``cache``). Where
anything about it fails, the first process reads all by itself.
"""

from __future__ import annotations

import gc as garbage
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import dltricks
from dltricks.core.cores import available_cores
from dltricks.runs import cache
from dltricks.runs.cache import UNREADABLE, Cache, Written
from dltricks.runs.entry import read_entry

WORTHWHILE = 2000
"""Runs from which on a second process pays for its start."""
OWN = 0.53
"""What the first process reads itself: more than half, as the second has to start, and to hand over."""
_ROOT = Path(dltricks.__file__).parent.parent


class Helper:
    """The other process, as the first one sees it."""

    def __init__(self, home: str, places: Sequence[str]) -> None:
        """Starts it.

        Raises:
            OSError: it cannot be started.
        """
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        self._found: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115, closed when its content is taken
        with tempfile.TemporaryFile() as wanted:
            wanted.write(b"\0".join(map(os.fsencode, places)))
            wanted.seek(0)
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", __name__, home],
                    stdin=wanted,
                    stdout=self._found,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": path},
                )
            except OSError:
                self._found.close()
                raise

    def take(self) -> Written | None:
        """Waits for what it has read; None where that failed."""
        with self._found:
            if self._process.wait() != 0:
                return None
            self._found.seek(0)
            with suppress(*UNREADABLE):
                return Written(self._found)
        return None

    def stop(self) -> None:
        """Ends it, whatever it is at; nothing more where it has ended."""
        self._process.kill()
        self._process.wait()
        self._found.close()


def start(home: str, places: Sequence[str]) -> Helper | None:
    """Hands places over; None where it would not pay or cannot be done."""
    if len(places) < WORTHWHILE or available_cores() < 2 or not sys.executable:
        return None
    with suppress(OSError):
        return Helper(home, places)
    return None


def main(home: str) -> None:
    """Reads what comes in on stdin."""
    garbage.disable()  # what is read stays, and need not be searched time and again
    index = Cache(Path(home), read=False)
    for place in map(os.fsdecode, sys.stdin.buffer.read().split(b"\0")):
        path = Path(home, place)
        seen = cache.look(str(path))
        if seen is not None:
            index.put(read_entry(path, seen.modified), place, seen)
    for piece in index.pieces():
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
