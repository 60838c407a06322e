"""How much memory there is for training."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")


def available() -> int | None:
    """Bytes that can be used now, of the machine or of the container; None where nobody tells."""
    if sys.platform == "win32":
        return _windows()
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        # macOS tells only how much there is in all.
        free = _linux() or page * os.sysconf("SC_PHYS_PAGES") // 2
    except (ValueError, OSError):
        return None
    limit, used = _number(_GROUP / "memory.max"), _number(_GROUP / "memory.current")
    return free if limit is None or used is None else max(0, min(free, limit - used + _cached()))


def _cached() -> int:
    """What a container holds only because nobody else has asked for it."""
    try:
        lines = (_GROUP / "memory.stat").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)


def _linux() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if kilobytes is None else int(kilobytes) * 1024


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):  # no such file, or no limit: "max"
        return None


if sys.platform == "win32":

    def _windows() -> int | None:
        import ctypes

        class Status(ctypes.Structure):
            _fields_ = (
                ("length", ctypes.c_ulong),
                ("load", ctypes.c_ulong),
                *((name, ctypes.c_ulonglong) for name in ("total", "free", "t1", "f1", "t2", "f2", "f3")),
            )

        status = Status(length=ctypes.sizeof(Status))
        done = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status.free) if done else None
