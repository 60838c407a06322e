"""How many processors there are for this process, and whether it may be copied to use another."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

_CPU = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> int:
    """Processors that this process may use, each of which may be half of a physical core."""
    return min(len(_numbers()), _quota())


def physical_cores() -> int:
    """Physical cores that this process may use; all processors where the system does not tell which belong together."""
    siblings = {_siblings(number) for number in _numbers()}
    return min(len(siblings), _quota())


def copyable() -> bool:
    """Whether a copy of this process can be made without harm.

    Locks that other threads hold would stay locked in the copy. Systems other than Linux have libraries that no copy
    survives.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def _numbers() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _siblings(number: int) -> str:
    """The processors on one core, the same text for each of them."""
    for name in ("core_cpus_list", "thread_siblings_list"):
        try:
            return (_CPU / f"cpu{number}/topology/{name}").read_text("ascii")
        except (OSError, ValueError):
            continue
    return str(number)


def _quota() -> int:
    """Whole processors' time that a container may use."""
    try:
        quota, period = _QUOTA.read_text("ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # no such file, or no limit: "max"
        return 1 << 20
