"""Calls the command line often, in processes of its own that are copies of one which has imported everything.

Run as a script it is that process: it takes lines of JSON, starts a copy for each, and tells its number and its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TESTS = Path(__file__).parent.parent
SECONDS = 300
"""After which a process is taken to hang."""


@dataclass
class Victim:
    """A process of the command line."""

    pid: int
    err: Path
    zygote: Zygote

    def poll(self) -> int | None:
        """Its exit code, negative where a signal ended it, or None while it lives."""
        return self.zygote.ask({"poll": self.pid})

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)  # not collected before ``poll`` has told of its end

    def children(self) -> list[int]:
        """The workers that it has started."""
        with contextlib.suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        deadline = time.monotonic() + SECONDS
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"hangs: {self.err.read_text()}")
            time.sleep(0.003)
        return code

    def told(self) -> str:
        """What it wrote to stderr."""
        return self.err.read_text()


class Zygote:
    """The process that all others are copies of."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-W", "error", str(Path(__file__))]
        one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command,
            env={**environment, **one, "PYTHONPATH": os.pathsep.join([str(TESTS), environment["PYTHONPATH"]])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._count = 0

    def ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, *arguments: object, cwd: Path) -> Victim:
        """Starts ``dltricks`` with these arguments."""
        self._count += 1
        err = cwd / f"{self._count}.err"
        err.touch()
        pid = self.ask({"arguments": [str(argument) for argument in arguments], "cwd": str(cwd), "err": str(err)})
        return Victim(pid, err, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _become(question: dict[str, Any]) -> None:
    from dltricks.cli.main import main

    os.setsid()
    os.chdir(question["cwd"])
    err = os.open(question["err"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDWR)
    for number, standard in ((null, 0), (null, 1), (err, 2)):
        os.dup2(number, standard)
    for number in (err, null):
        os.close(number)
    sys.argv = ["dltricks", *question["arguments"]]
    main()


def _serve() -> None:
    from runs.disks import BrokenDisk

    import dltricks
    from dltricks.runs import files

    files.disk = BrokenDisk()  # no syncing in earnest, which takes most of the time: nobody cuts the power here
    with tempfile.TemporaryDirectory() as folder:  # which imports whatever training needs
        file = Path(folder) / "warm.yaml"
        file.write_text("dataset: digits\narchitecture: mlp\noptimizer: adam\nlimit: 40\nepochs: 1\n")
        dltricks.train(file, runs_dir=Path(folder) / "runs", notify=lambda message: None)
    assert threading.active_count() == 1
    alive: dict[int, int | None] = {}
    for line in sys.stdin:
        question = json.loads(line)
        if "poll" in question:
            pid = question["poll"]
            if alive[pid] is None:
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    alive[pid] = os.waitstatus_to_exitcode(status)
            print(json.dumps(alive[pid]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                _become(question)
            except SystemExit as leaving:
                code = int(leaving.code or 0)
            finally:
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(code)
        alive[pid] = None
        print(json.dumps(pid), flush=True)
    for pid, code in alive.items():
        if code is None:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


if __name__ == "__main__":
    _serve()
