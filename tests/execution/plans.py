"""Small plans for tests, and ways to bring them to their end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from cli.shell import decisive

from dltricks.execution.campaign import Campaign
from dltricks.execution.data import Datasets
from dltricks.execution.events import Event
from dltricks.execution.executor import Executor
from dltricks.execution.packing import stack_key
from dltricks.execution.serial import SerialExecutor
from dltricks.execution.task import PlannedRun, Task, cut
from dltricks.experiment.document import Document
from dltricks.experiment.resolve import Experiment, resolve
from dltricks.runs.signals import Signals

SMALL: dict[str, Any] = {
    "dataset": "digits",
    "limit": 60,
    "architecture": {"name": "mlp", "hidden": [8]},
    "optimizer": {"name": "adam", "lr": 0.005},
    "batch_size": 16,
    "epochs": 3,
}
"""Four steps an epoch, twelve in all."""

PLUGIN = '''\
"""Fuse: ends the process that trains it, for tests."""
import os
import signal
import sys
from dataclasses import dataclass

from dltricks.core.augmentation import Augmentation

calls = {}
"""By process, of which one may be a copy of another."""


@dataclass
class Fuse(Augmentation):
    """Changes nothing, and kills

    - where ``deadly`` is not 0, always;
    - where the environment names in FUSE a folder, the number of a call, and how often: at that call.

    Reference: none.
    """

    deadly: float = 0.0

    def apply(self, x, target, rng):
        call = calls[os.getpid()] = calls.get(os.getpid(), 0) + 1
        print("a plugin speaks", flush=True)
        if self.deadly and "FUSE_OFF" not in os.environ:
            print("deadly for good", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if "FUSE" in os.environ:
            folder, deadly, often = os.environ["FUSE"].split(os.pathsep)
            if call == int(deadly) and len(os.listdir(folder)) < int(often):
                open(os.path.join(folder, str(os.getpid())), "x").close()
                os.kill(os.getpid(), signal.SIGKILL)
'''


def write_fuse(folder: Path) -> Path:
    """The plugin's file."""
    path = folder / "fuse.py"
    path.write_text(PLUGIN)
    return path


def experiment(folder: Path, plugins: Sequence[Path] = (), /, **values: Any) -> Experiment:
    """One run, of SMALL except for what is given."""
    document = Document("plan", {"name": "plan", **SMALL, **values}, path=folder / "plan.yaml")
    return resolve(document, plugins=plugins)


def runs_of(runs_dir: Path, experiments: Sequence[Experiment]) -> list[PlannedRun]:
    """A plan of these runs, each in a folder with its number."""
    return [
        PlannedRun(number, each, runs_dir / f"{number:02}", f"run {number}") for number, each in enumerate(experiments)
    ]


def seeds(runs_dir: Path, amount: int, **values: Any) -> list[PlannedRun]:
    """Runs that differ in the seed alone."""
    folder = runs_dir.parent
    return runs_of(runs_dir, [experiment(folder, seed=seed, **values) for seed in range(amount)])


def tasks_of(runs: Sequence[PlannedRun], size: int) -> list[Task]:
    """The runs in as few stacks as may be, of ``size`` at most."""
    groups: dict[Any, list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault(stack_key(run.experiment.recipe), []).append(run)
    return [Task(tuple(part)) for group in groups.values() for part in cut(group, ceil(len(group) / size))]


class Watcher:
    """Keeps what a campaign tells, and acts on it."""

    def __init__(self, act: Callable[[Event], object] | None = None) -> None:
        self.begun: list[Task] = []
        self.events: list[Event] = []
        self._act = act

    def started(self, task: Task) -> None:
        self.begun.append(task)

    def report(self, task: Task, event: Event) -> None:
        self.events.append(event)
        if self._act is not None:
            self._act(event)

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def conduct(
    tasks: Sequence[Task],
    executor: Executor | None = None,
    watcher: Watcher | None = None,
    signals: Signals | None = None,
) -> Campaign:
    """Trains the tasks, in this process unless an executor is given, and closes the executor."""
    signals = signals or Signals()
    with executor or SerialExecutor(signals, Datasets()) as using:
        campaign = Campaign(tasks, using, watcher or Watcher(), signals)
        campaign.conduct()
    return campaign


def results(runs: Sequence[PlannedRun]) -> dict[int, dict[str, bytes]]:
    """The decisive files of every run."""
    return {run.number: decisive(run.path) for run in runs}


def alive(pid: int) -> bool:
    """Whether there is a process of that number, other than one that only waits to be collected."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def forget(runs: Sequence[PlannedRun]) -> None:
    """Removes the folders of runs."""
    for run in runs:
        shutil.rmtree(run.path, ignore_errors=True)
