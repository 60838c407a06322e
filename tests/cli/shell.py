"""Ways to call the command line: in this process, which is fast, and as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dltricks

SOURCE = str(Path(dltricks.__file__).resolve().parent.parent)
COMMAND = [sys.executable, "-W", "error", "-m", "dltricks"]
INTERRUPTED = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-m", "dltricks"]
COMMANDS = (
    *("train", "ablate", "noise", "check", "evaluate", "average", "predict", "lr-find", "tricks", "schema", "init"),
    *("export", "worker", "gc", "compare", "verdict", "list", "diff"),
)
SAME_BYTES = ("config.yaml", "run.json", "metrics.jsonl", "weights.npz")

SMALL = """\
name: small
dataset: digits
limit: 300
architecture: {name: mlp, hidden: [16]}
optimizer: {name: adam, lr: 5e-3}
epochs: 2
"""

PACED = '''\
"""Paced: takes its time wherever it is trained, as long as there is a file named slow."""
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from dltricks.activations.relu import Relu as Base


@dataclass
class Paced(Base):
    """y = relu(x)"""

    def forward(self, x, context):
        if (Path(sys.argv[0]).name == "child.py" or "worker" in sys.argv) and Path("slow").exists():
            Path(f"{os.getpid()}.pid").touch()
            time.sleep(float(Path("slow").read_text()))
        return super().forward(x, context)
'''
"""A plugin that slows down steps in worker processes, by the seconds in the file."""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Call = Callable[..., Result]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what changes colours, widths or data, so that tests see the defaults."""
    dropped = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "DLTRICKS_DATA", "TERM")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PYTHONPATH": SOURCE, "TERM": "xterm-256color", "PYTHONUTF8": "1", **more}


def process(*args: object, cwd: Path, env: Mapping[str, str] | None = None, **kwargs: Any) -> Result:
    """Runs ``dltricks`` to its end as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, args)],
        cwd=cwd,
        env=environment(**(env or {})),
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        check=False,
        **kwargs,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def start(*args: object, cwd: Path, env: Mapping[str, str] | None = None, **kwargs: Any) -> subprocess.Popen[str]:
    """Starts ``dltricks`` as a process of its own, to be interrupted at any moment.

    That may be in the middle of Python's own import of a module, whose file is then not closed; Python tells nobody
    unless all warnings are errors.
    """
    return subprocess.Popen(
        [*INTERRUPTED, *map(str, args)],
        cwd=cwd,
        env=environment(**(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        **kwargs,
    )


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def only_run(runs_dir: Path) -> Path:
    """The one run folder that there is."""
    (config,) = runs_dir.glob("*/*/config.yaml")
    return config.parent


def decisive(run: Path) -> dict[str, bytes]:
    """The files that have the same bytes on every repeat."""
    return {name: (run / name).read_bytes() for name in SAME_BYTES}


def all_decisive(runs_dir: Path) -> dict[str, dict[str, bytes]]:
    """``decisive`` of every run, by its path below the folder of all runs."""
    runs = [config.parent for config in sorted(runs_dir.glob("*/*/config.yaml"))]
    return {str(run.relative_to(runs_dir)): decisive(run) for run in runs}


def stats(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of every file below a folder, locks aside: what was written anew has others."""
    found = {path: path.stat() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    return {str(path.relative_to(folder)): (stat.st_ino, stat.st_mtime_ns) for path, stat in found.items()}
