"""Against a real scheduler with real workers, each a process on this machine, some of which are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dltricks.core.errors import ClusterError, StoppedError, UsageError
from dltricks.execution import dask_worker
from dltricks.execution.campaign import Campaign
from dltricks.execution.dask import SURPLUS, DaskExecutor, _shared
from dltricks.execution.data import Datasets
from dltricks.execution.events import Ended, Event, Finished, Lost, Notice, Progress, Stopped
from dltricks.execution.executor import Executor
from dltricks.execution.launch import ROOT
from dltricks.execution.serial import SerialExecutor
from dltricks.execution.task import PlannedRun, Task
from dltricks.experiment.document import Document
from dltricks.experiment.resolve import resolve
from dltricks.runs import lock, names
from dltricks.runs.signals import Signals

FILES = ("config.yaml", "run.json", "metrics.jsonl", "weights.npz")
PATIENCE = 60.0


class Cluster:
    """A scheduler and its workers as processes."""

    def __init__(self, folder: Path, workers: int, **settings: str) -> None:
        self._folder = folder
        self._env = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
        self._processes: list[subprocess.Popen[bytes]] = []
        about = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--no-show", "--scheduler-file", str(about))
        until(lambda: about.exists() and about.stat().st_size > 0)
        time.sleep(0.1)
        self.address = str(json.loads(about.read_text())["address"])
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        for _ in range(workers):
            self.add()

    def add(self) -> None:
        name = f"w{len(self.workers)}"
        self.workers[name] = self._start(
            "worker",
            *(self.address, "--name", name, "--nthreads", "1", "--no-nanny", "--memory-limit", "0"),
            *("--no-dashboard", "--local-directory", str(self._folder)),
        )

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{kind}-{len(self._processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", kind, "--host", "127.0.0.1", *arguments],
                env=self._env,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def end(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    started = []

    def begin(workers: int, **settings: str) -> Cluster:
        folder = tmp_path / f"cluster{len(started)}"
        folder.mkdir()
        started.append(Cluster(folder, workers, **settings))
        return started[-1]

    yield begin
    for cluster in started:
        cluster.end()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """For tests that leave it as it was, with one worker."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), 1)
    yield cluster
    cluster.end()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def plan(runs_dir: Path, epochs: int = 2, rates: Sequence[float] = (0.0, 0.3), seeds: int = 4) -> list[Task]:
    """Stacks of two runs each."""
    runs = []
    for rate in rates:
        for seed in range(seeds):
            values = {
                "name": "swept",
                "dataset": "digits",
                "architecture": {"name": "mlp", "hidden": [16]},
                "dropout": rate,
                "optimizer": "adam",
                "epochs": epochs,
                "batch_size": 16,
                "seed": seed,
            }
            experiment = resolve(Document("plan", values))
            label = names.label({"dropout": rate}, seed)
            path = names.run_path(runs_dir, experiment.name, label, experiment.hash)
            runs.append(PlannedRun(len(runs), experiment, path))
    return [Task(tuple(runs[i : i + 2])) for i in range(0, len(runs), 2)]


class Observer:
    """Keeps what it hears, and does something at each event."""

    def __init__(self, act: Callable[[Task, Event], None] = lambda task, event: None) -> None:
        self.events: list[Event] = []
        self.most = self.now = 0
        self._act = act

    def started(self, task: Task) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    def report(self, task: Task, event: Event) -> None:
        self.events.append(event)
        self.now -= isinstance(event, (Finished, Stopped, Lost))
        self._act(task, event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def conduct(tasks: Sequence[Task], executor: Executor, observer: Observer, signals: Signals | None = None) -> None:
    campaign = Campaign(tasks, executor, observer, signals or Signals())
    with executor:
        campaign.conduct()
    assert campaign.failures == {}
    assert sorted(event.run for event in observer.of(Ended)) == [run.number for task in tasks for run in task.runs]


def contents(tasks: Sequence[Task]) -> dict[str, bytes]:
    return {
        f"{run.path.name}/{name}": (run.path / name).read_bytes()
        for task in tasks
        for run in task.runs
        for name in FILES
    }


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a serial sweep writes."""
    tasks = plan(tmp_path_factory.mktemp("serial"), epochs=100, seeds=2)
    conduct(tasks, SerialExecutor(Signals(), Datasets()), Observer())
    return contents(tasks)


@pytest.mark.dask
@pytest.mark.parametrize("allowed", [3, 0], ids=["dask tries again", "dask gives up"])
def test_a_sweep_with_a_killed_worker_has_the_bytes_of_a_serial_one(
    tmp_path: Path, start: Callable[..., Cluster], serial: dict[str, bytes], allowed: int
) -> None:
    cluster = start(2, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=str(allowed))
    executor = DaskExecutor(cluster.address)
    killed = []

    def kill(task: Task, event: Event) -> None:
        if isinstance(event, Progress) and 0 < event.share < 0.5 and not killed:
            [worker] = {each.worker for each in executor._pending.values() if each.task is task}
            killed.append(executor._client.scheduler_info()["workers"][worker]["name"])
            cluster.workers[killed[0]].kill()

    observer = Observer(kill)
    tasks = plan(tmp_path / "runs", epochs=100, seeds=2)
    conduct(tasks, executor, observer)
    assert killed
    assert any("on after" in notice.message for notice in observer.of(Notice))
    assert bool(observer.of(Lost)) == (allowed == 0)
    assert contents(tasks) == serial


@pytest.mark.dask
def test_a_stop_leaves_checkpoints_from_which_the_same_command_goes_on(
    tmp_path: Path, start: Callable[..., Cluster], serial: dict[str, bytes]
) -> None:
    cluster = start(2)
    signals = Signals()

    def interrupt(task: Task, event: Event) -> None:
        if isinstance(event, Progress) and event.share > 0:
            signals.number = 2

    tasks = plan(tmp_path / "runs", epochs=100, seeds=2)
    observer = Observer(interrupt)
    with DaskExecutor(cluster.address) as executor:
        with pytest.raises(StoppedError) as stopped:
            Campaign(tasks, executor, observer, signals).conduct()
        assert stopped.value.exit_code == 130
    assert len(observer.of(Stopped)) >= 2
    runs = [run for task in tasks for run in task.runs]
    until(lambda: not any(lock.is_held(run.path) for run in runs))
    begun = [run for run in runs if run.path.exists() and not (run.path / "run.json").exists()]
    assert begun
    assert all(list((run.path / "checkpoints").glob("*.npz")) for run in begun)
    observer = Observer()
    conduct(tasks, DaskExecutor(cluster.address), observer)
    assert any("on after" in notice.message for notice in observer.of(Notice))
    assert contents(tasks) == serial


@pytest.mark.dask
def test_a_task_that_its_machine_ends_is_begun_elsewhere(tmp_path: Path, standing: Cluster) -> None:
    ended = []

    def end(task: Task, event: Event) -> None:
        if isinstance(event, Progress) and event.share > 0 and not ended:
            ended.append(json.loads((task.runs[0].path / lock.NAME).read_text())["pid"])
            os.kill(ended[0], signal.SIGTERM)

    observer = Observer(end)
    tasks = plan(tmp_path / "runs", epochs=100, rates=[0.0], seeds=2)
    conduct(tasks, DaskExecutor(standing.address), observer)
    assert ended
    assert any("on after" in notice.message for notice in observer.of(Notice))
    assert observer.of(Lost) == observer.of(Stopped) == []


@pytest.mark.dask
def test_closing_leaves_no_process_behind(tmp_path: Path, standing: Cluster) -> None:
    [task] = plan(tmp_path / "runs", epochs=10_000, rates=[0.0], seeds=2)
    observer = Observer()
    with DaskExecutor(standing.address) as executor:
        executor.submit(task)
        until(lambda: executor.wait(observer.report, 0.1) or observer.of(Progress))
        assert all(lock.is_held(run.path) for run in task.runs)
    until(lambda: not any(lock.is_held(run.path) for run in task.runs))
    assert standing.workers["w0"].poll() is None


@pytest.mark.dask
def test_a_scheduler_that_dies_ends_the_command_and_lets_go_of_the_runs(
    tmp_path: Path, start: Callable[..., Cluster]
) -> None:
    cluster = start(1)
    [task] = plan(tmp_path / "runs", epochs=10_000, rates=[0.0], seeds=2)
    observer = Observer(lambda task, event: cluster.scheduler.kill())
    with (
        pytest.raises(ClusterError, match=r"connection to the Dask scheduler was lost"),
        DaskExecutor(cluster.address, timeout=2) as executor,
    ):
        Campaign([task], executor, observer, Signals()).conduct()
    assert observer.events
    until(lambda: not any(lock.is_held(run.path) for run in task.runs))


@pytest.mark.dask
def test_the_window_follows_the_size_of_the_cluster(tmp_path: Path, start: Callable[..., Cluster]) -> None:
    cluster = start(1)
    tasks = plan(tmp_path / "runs")
    executor = DaskExecutor(cluster.address)
    assert executor.slots == SURPLUS
    observer = Observer()
    conduct(tasks, executor, observer)
    assert observer.most == SURPLUS < len(tasks)
    with DaskExecutor(cluster.address) as executor:
        cluster.add()
        until(lambda: executor.wait(observer.report, 0.1) or executor.slots == 2 * SURPLUS)


@pytest.mark.dask
def test_no_result_is_lost_with_a_message(tmp_path: Path, standing: Cluster) -> None:
    tasks = plan(tmp_path / "runs", rates=[0.0])
    executor = DaskExecutor(standing.address)
    executor._client.unsubscribe_topic(dask_worker.TOPIC)
    observer = Observer()
    conduct(tasks, executor, observer)
    assert observer.of(Progress) == []


@pytest.mark.dask
def test_a_worker_with_another_version_refuses(
    tmp_path: Path, standing: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltricks.__version__", "99.0")
    [task] = plan(tmp_path / "runs", rates=[0.0], seeds=2)
    with DaskExecutor(standing.address) as executor:
        campaign = Campaign([task], executor, Observer(), Signals())
        campaign.conduct()
    assert {failed.error for failed in campaign.failures.values()} == {"UsageError"}
    assert all("dltricks 99.0" in failed.message for failed in campaign.failures.values())
    assert not any(run.path.exists() for run in task.runs)


@pytest.mark.dask
def test_a_scheduler_that_cannot_be_used_is_a_cluster_error(start: Callable[..., Cluster]) -> None:
    with pytest.raises(ClusterError, match=r"no Dask scheduler answers there within 0\.5 s") as error:
        DaskExecutor("tcp://127.0.0.1:1", timeout=0.5)
    assert error.value.exit_code == 8
    for address in ("nonsense://127.0.0.1:1", "tcp://127.0.0.1", "tls://127.0.0.1:1"):
        with pytest.raises(UsageError, match="allowed: an address such as"):
            DaskExecutor(address, timeout=0.5)
    with pytest.raises(ClusterError, match=r"no worker joined this scheduler in 0\.5 s"):
        DaskExecutor(start(0).address, patience=0.5)


@pytest.mark.dask
def test_a_cluster_without_dltricks_is_a_cluster_error(
    tmp_path: Path, standing: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module that the cluster does not have, as dltricks where it is not installed.
    (tmp_path / "only_here.py").write_text("def versions():\n    return {}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("dltricks.execution.dask.versions", import_module("only_here").versions)
    with pytest.raises(ClusterError, match=r"the scheduler has no dltricks .*No module named"):
        DaskExecutor(standing.address)
    monkeypatch.setattr("distributed.Client.run_on_scheduler", lambda client, function: None)
    with pytest.raises(ClusterError, match=r"no worker has dltricks, .*No module named"):
        DaskExecutor(standing.address)


@pytest.mark.dask
def test_a_cluster_whose_workers_have_all_gone_is_waited_for_a_while(
    tmp_path: Path, start: Callable[..., Cluster]
) -> None:
    cluster = start(1)
    tasks = plan(tmp_path / "runs", epochs=10_000, rates=[0.0])
    observer = Observer(lambda task, event: cluster.workers["w0"].kill())
    with (
        pytest.raises(ClusterError, match="has had no workers for 2 s"),
        DaskExecutor(cluster.address, patience=2) as executor,
    ):
        Campaign(tasks, executor, observer, Signals()).conduct()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r'pip install "dltricks\[dask\]"'):
        DaskExecutor("tcp://127.0.0.1:8786")


def test_a_worker_that_does_not_see_the_runs_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_worker, "SHARED_SECONDS", 0.0)
    [task] = plan(tmp_path / "runs", rates=[0.0], seeds=2)
    shared = _shared(task)
    assert dask_worker._problem("tcp://w:1", dask_worker.versions(), shared) is None
    (tmp_path / "runs" / "swept" / "study.json").write_text("{}")
    shared = _shared(task)
    (tmp_path / "runs" / "swept" / "study.json").unlink()
    problem = dask_worker._problem("tcp://w:1", dask_worker.versions(), shared)
    assert problem is not None
    assert problem.exit_code == 6
    assert "does not see" in str(problem)


def test_a_locked_run_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def is_held(path: Path) -> bool:
        looks.append(1)
        return len(looks) < 3

    monkeypatch.setattr(dask_worker.lock, "is_held", is_held)
    monkeypatch.setattr(dask_worker, "_PAUSE", 0.0)
    assert dask_worker._wait_for_locks([tmp_path], lambda: False)
    assert len(looks) == 3
    assert not dask_worker._wait_for_locks([tmp_path], lambda: True)
    looks.clear()
    monkeypatch.setattr(dask_worker, "LOCK_SECONDS", 0.0)
    assert dask_worker._wait_for_locks([tmp_path], lambda: False)
    assert not looks
