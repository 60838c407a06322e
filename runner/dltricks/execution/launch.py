"""Ways to start a worker process: a copy of this one, which has imported everything, or a new interpreter."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn, Protocol

from threadpoolctl import threadpool_limits

import dltricks
from dltricks.core.cores import copyable
from dltricks.execution import child
from dltricks.execution.data import Prepared

ROOT = Path(dltricks.__file__).parent.parent
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Process(Protocol):
    """A process that serves tasks (see ``child``)."""

    pid: int
    tasks: IO[bytes]
    """Its stdin. Closed, it lets the process save and leave."""
    events: IO[bytes]
    """Its stdout."""

    def kill(self) -> None:
        """Ends it at once."""

    def wait(self, seconds: float | None = None) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; None if it lives on after so long."""


def start(threads: int, errors: IO[bytes], prepared: Prepared | None = None) -> Process:
    """Starts a worker process.

    Args:
        threads: what large products may use.
        errors: where its stderr goes.
        prepared: what it need not load or resolve again if it is a copy of this process.
    """
    return _Copy(threads, errors, prepared) if copyable() else _New(threads, errors)


class _New:
    """A new interpreter, which imports everything anew: a third of a second."""

    def __init__(self, threads: int, errors: IO[bytes]) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dltricks.execution.child", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONPATH": path},
            # Ctrl-C reaches the whole group of the terminal; who started us decides what is done about it.
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self.tasks: IO[bytes] = self._process.stdin
        self.events: IO[bytes] = self._process.stdout

    def kill(self) -> None:
        self._process.kill()

    def wait(self, seconds: float | None = None) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


class _Copy:
    """A copy of this process."""

    def __init__(self, threads: int, errors: IO[bytes], prepared: Prepared | None) -> None:
        theirs = os.pipe()
        try:
            ours = os.pipe()
        except OSError:
            os.close(theirs[0])
            os.close(theirs[1])
            raise
        try:
            with warnings.catch_warnings():
                # Newer Pythons warn of threads that are not theirs; those of BLAS are prepared for it.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.pid = os.fork()
        except OSError:
            for fd in (*theirs, *ours):
                os.close(fd)
            raise
        if self.pid == 0:
            _become_child(theirs[0], ours[1], errors.fileno(), threads, prepared)
        os.close(theirs[0])
        os.close(ours[1])
        self.tasks: IO[bytes] = os.fdopen(theirs[1], "wb")
        self.events: IO[bytes] = os.fdopen(ours[0], "rb")
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, 9)

    def wait(self, seconds: float | None = None) -> int | None:
        end = None if seconds is None else time.monotonic() + seconds
        while self._code is None:
            pid, status = os.waitpid(self.pid, 0 if end is None else os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif end is not None and time.monotonic() > end:
                break
            else:
                time.sleep(0.01)
        return self._code


def _become_child(tasks: int, events: int, errors: int, threads: int, prepared: Prepared | None) -> NoReturn:
    """Nothing of the process that this is a copy of is touched any more, its files and terminal least of all."""
    code = 1
    try:
        gc.freeze()  # what it has of garbage is not ours to clear away
        os.setsid()
        for ours, standard in ((tasks, 0), (events, 1), (errors, 2)):
            os.dup2(ours, standard)
        # Not closed: whatever of the original still thinks that a number is its own may close it, and not ours.
        null = os.open(os.devnull, os.O_RDWR)
        for number in [int(fd.name) for fd in Path("/proc/self/fd").iterdir()]:
            if number > 2 and number != null:
                with suppress(OSError):
                    os.dup2(null, number)
        threadpool_limits(1, "blas")
        sys.stdin = os.fdopen(0, "r", closefd=False)
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        sys.argv = [child.__file__, str(threads)]
        child.serve(threads, prepared)
        code = 0
    except BaseException:
        with suppress(BaseException):
            traceback.print_exc()
    finally:
        os._exit(code)
