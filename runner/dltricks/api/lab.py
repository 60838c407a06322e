"""Where runs lie and who trains them: plans experiments onto folders and workers, and has them trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, Self, get_args

from dltricks.api.session import check_threads, use_threads
from dltricks.core.cores import available_cores, physical_cores
from dltricks.core.errors import DamagedError, FileSystemError, LockedError, NewerFormatError, UsageError
from dltricks.core.spelling import spell
from dltricks.execution.campaign import Campaign, Observer
from dltricks.execution.data import Datasets, Prepared
from dltricks.execution.events import Event, Failed, Notice
from dltricks.execution.executor import Executor
from dltricks.execution.packing import Plan, pack
from dltricks.execution.processes import ProcessExecutor
from dltricks.execution.serial import SerialExecutor
from dltricks.execution.task import PlannedRun, Task
from dltricks.experiment.arm import Arm
from dltricks.experiment.resolve import Experiment
from dltricks.runs import lock, names, reading
from dltricks.runs.folder import RunFolder
from dltricks.runs.signals import Signals

ExecutorName = Literal["serial", "processes", "dask"]
MOST_WORKERS = 1024
Notify = Callable[[str], None]
"""Takes a sentence for people."""


class View(Observer, Protocol):
    """Watches the training of a plan."""

    def planned(self, plan: Plan, metric: str) -> None:
        """Training of this plan begins, whose runs are compared by that metric."""

    def ended(self) -> None:
        """Training has ended, however."""


class Silent:
    """A view that only hands on what people must be told."""

    def __init__(self, notify: Notify) -> None:
        self.notify = notify

    def planned(self, plan: Plan, metric: str) -> None:
        """Shows nothing."""

    def started(self, task: Task) -> None:
        """Shows nothing."""

    def report(self, task: Task, event: Event) -> None:
        """Hands on sentences for people."""
        if isinstance(event, Notice):
            self.notify(event.message)

    def ended(self) -> None:
        """Shows nothing."""


@dataclass(frozen=True)
class Means:
    """With what runs are trained."""

    runs_dir: Path
    data_dir: Path | None = None
    executor: ExecutorName | None = None
    """None: processes, or this one where they would not pay."""
    workers: int | None = None
    """Processes at once; None: one for each physical core."""
    scheduler: str | None = None
    """The address of a Dask scheduler."""
    threads: int | None = None
    """Threads of each process for large networks; None: the cores, shared out."""

    def __post_init__(self) -> None:
        if self.executor is not None and self.executor not in get_args(ExecutorName):
            raise UsageError(f"executor: found {self.executor!r}, allowed: {', '.join(get_args(ExecutorName))}")
        if self.workers is not None and not 1 <= self.workers <= MOST_WORKERS:
            raise UsageError(f"workers: found {self.workers}, allowed: a whole number from 1 to {MOST_WORKERS}")
        if self.executor == "serial" and self.workers not in (None, 1):
            raise UsageError(
                f"workers: the serial executor has one, found {self.workers}; the executor processes has more"
            )
        if (self.executor == "dask") != (self.scheduler is not None):
            raise UsageError("the executor dask needs the address of a scheduler, and no other executor has one")
        if self.executor == "dask" and self.workers is not None:
            raise UsageError("workers: the scheduler knows its workers; leave the number out")
        check_threads(self.threads)
        if self.data_dir is not None:  # tasks carry it to other processes
            object.__setattr__(self, "data_dir", self.data_dir.absolute())

    @property
    def local(self) -> bool:
        """Whether nobody asked for other processes, so that a single run is trained in this one."""
        return self.executor in (None, "serial") and self.workers in (None, 1)


@dataclass
class Lab:
    """Plans and trains with given means."""

    means: Means
    view: View
    quiet: bool = True
    """Whether downloads show no progress bar."""
    signals: Signals = field(default_factory=Signals)

    def __post_init__(self) -> None:
        self.datasets = Datasets(self.means.data_dir, quiet=self.quiet)
        self._processes: ProcessExecutor | None = None
        self._cluster: Executor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._close()

    def _close(self) -> None:
        for executor in (self._processes, self._cluster):
            if executor is not None:
                executor.close()
        self._processes = self._cluster = None

    def _start(self, plan: Plan) -> ProcessExecutor:
        if self._processes is None or self._processes.slots < plan.workers:
            self._close()
            threads = self.means.threads or max(1, available_cores() // plan.workers)
            prepared = Prepared(self.datasets, {run.experiment.hash: run.experiment for run in plan.runs})
            self._processes = ProcessExecutor(plan.workers, threads, prepared)
        return self._processes

    def place(self, experiments: Iterable[tuple[Arm, Experiment]], role: str | None = None) -> list[PlannedRun]:
        """Gives each run its folder: the one that has its hash already, or a new one, and its role."""
        runs_dir = self.means.runs_dir
        folders: dict[str, names.Folders] = {}
        runs = []
        for number, (arm, experiment) in enumerate(experiments):
            name, seed = experiment.name, experiment.config["seed"]
            if isinstance(seed, dict):
                # Of one seed for each purpose those that are not 0 say enough: the name is a label.
                seed = {purpose: value for purpose, value in seed.items() if value}
            label = names.label(arm.varied, seed)
            if name not in folders:
                folders[name] = names.Folders(runs_dir, name)
            path = folders[name].find(experiment.hash) or names.run_path(runs_dir, name, label, experiment.hash)
            runs.append(PlannedRun(number, experiment, path, f"{arm.label} s{spell(seed)}".strip(), role))
        return runs

    def plan(self, runs: Sequence[PlannedRun], *, fresh: bool = False) -> Plan:
        """What is done already, and how the rest is spread over workers.

        Raises:
            UsageError, DamagedError: runs that cannot be trained.
        """
        ended = ("finished", "diverged", "damaged")
        states = {run.number: _status(run) for run in runs if not fresh and run.path.exists()}
        done = {number: state for number, state in states.items() if state in ended}
        return pack(
            runs,
            done,
            self.datasets,
            workers=self._workers(),
            chosen=self.means.workers is not None or self.means.executor == "dask",
            data_dir=self.means.data_dir,
        )

    def _workers(self) -> int:
        if self.means.executor == "serial":
            return 1
        if self.means.executor == "dask":
            from dltricks.execution.dask import SURPLUS

            return max(1, self._connect().slots // SURPLUS)
        return self.means.workers or physical_cores()

    def _connect(self) -> Executor:
        if self._cluster is None:
            from dltricks.execution.dask import DaskExecutor

            assert self.means.scheduler is not None
            self._cluster = DaskExecutor(self.means.scheduler)
        return self._cluster

    def train(self, plan: Plan, metric: str, *, fresh: bool = False) -> dict[int, Failed]:
        """Trains a plan, and returns what failed for good by the run's number.

        Args:
            plan: as it was made for the same runs folder.
            metric: for the view, by which the best run is named.
            fresh: whether to forget what was trained before.

        Raises:
            StoppedError: after a signal; the same plan goes on.
            ClusterError: the cluster cannot be reached.
        """
        if fresh:
            forget_all(plan.runs)
        failures = {run.number: _damaged(run) for run in plan.runs if plan.done.get(run.number) == "damaged"}
        self.view.planned(plan, metric)
        try:
            if plan.tasks:
                campaign = Campaign(plan.tasks, self._executor(plan), self.view, self.signals)
                campaign.conduct()
                failures |= campaign.failures
        finally:
            self.view.ended()
        return failures

    def _executor(self, plan: Plan) -> Executor:
        """Kept for a next plan."""
        if self.means.executor == "dask":
            return self._connect()
        if self.means.executor == "processes" or plan.workers > 1:
            return self._start(plan)
        self._close()
        self.take_threads()
        return SerialExecutor(self.signals, self.datasets)

    def take_threads(self) -> None:
        """Lets large products of this process use the threads that were asked for."""
        use_threads(self.means.threads)


def _status(run: PlannedRun) -> str:
    try:
        return reading.status(run.path)
    except FileSystemError:  # it fails when it is its turn, and no other does
        return "unreadable"


def forget(run: PlannedRun) -> None:
    """Makes a run one that was never trained."""
    if run.path.exists():
        folder = RunFolder(run.path, run.experiment.hash)
        with folder.hold():
            folder.reset()


def forget_all(runs: Sequence[PlannedRun]) -> None:
    """Makes all runs ones that were never trained.

    Raises:
        LockedError: one of them is being trained; then nothing is forgotten.
    """
    for run in runs:
        if lock.is_held(run.path):
            raise LockedError(f"{run.path}: is being trained; wait for it or end it")
    for run in runs:
        forget(run)


def _damaged(run: PlannedRun) -> Failed:
    try:
        reading.verify(run.path)
        message = f"{run.path}: damaged"
    except NewerFormatError as error:
        return Failed(run.number, NewerFormatError.__name__, str(error), error.exit_code)
    except DamagedError as error:
        message = str(error)
    return Failed(run.number, DamagedError.__name__, f"{message}; --fresh starts anew", DamagedError.exit_code)
