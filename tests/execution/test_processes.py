"""Worker processes as a campaign uses them."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.shell import environment
from execution.plans import alive, experiment, runs_of, seeds, tasks_of, write_fuse

from dltricks.execution import launch, processes
from dltricks.execution import task as tasks
from dltricks.execution.data import Datasets, Prepared
from dltricks.execution.events import Ended, Event, Finished, Lost, Notice, Progress, Stopped
from dltricks.execution.processes import Child, ProcessExecutor
from dltricks.execution.task import Task
from dltricks.runs import checkpoint, lock

PATIENCE = 60.0
LONG = {"epochs": 100_000}


@pytest.fixture(params=["copy", "new"], autouse=True)
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The way in which processes are started, whatever else runs in this one."""
    if request.param == "copy" and sys.platform != "linux":
        pytest.skip("only Linux can copy this process")
    ways = {
        "copy": launch._Copy,
        "new": lambda threads, errors, prepared: launch._New(threads, errors),
    }
    monkeypatch.setattr(processes, "start", ways[request.param])
    return str(request.param)


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    with ProcessExecutor(2) as made:
        yield made


def pids(executor: ProcessExecutor) -> list[int]:
    return [child.pid for child in executor._children]


def until(condition: Callable[[], object], executor: ProcessExecutor | None = None) -> list[tuple[Task, Event]]:
    """Waits, and what was heard meanwhile."""
    heard: list[tuple[Task, Event]] = []
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        if executor is None:
            time.sleep(0.02)
        else:
            executor.wait(lambda task, event: heard.append((task, event)), 0.05)
    return heard


def answers(executor: ProcessExecutor, tasks: int) -> list[tuple[Task, Event]]:
    """Everything up to the last events of so many tasks, without progress."""
    heard: list[tuple[Task, Event]] = []

    def report(task: Task, event: Event) -> None:
        if not isinstance(event, Progress):
            heard.append((task, event))

    deadline = time.monotonic() + PATIENCE
    while sum(isinstance(event, (Finished, Stopped, Lost)) for _, event in heard) < tasks:
        assert time.monotonic() < deadline
        executor.wait(report, 0.05)
    return heard


def test_processes_are_kept_for_further_tasks(executor: ProcessExecutor, tmp_path: Path) -> None:
    assert pids(executor) == []
    before: list[int] = []
    for task in tasks_of(seeds(tmp_path / "runs", 6), 2):
        executor.submit(task)
        before = before or pids(executor)
        assert len(set(before)) == 2
        assert all(map(alive, before))
        heard = answers(executor, 1)
        assert [type(event) for _, event in heard] == [Ended, Ended, Finished]
        assert all(each[0] is task for each in heard)
    assert pids(executor) == before
    executor.close()
    assert not any(map(alive, before))
    assert pids(executor) == []


def test_they_are_apart_from_this_process(executor: ProcessExecutor, tmp_path: Path, start: str) -> None:
    """Ctrl-C in the terminal does not reach them, and their BLAS has one thread."""
    (run,) = seeds(tmp_path / "runs", 1, **LONG)
    executor.submit(Task((run,)))
    until(lambda: lock.is_held(run.path), executor)
    pid, _ = pids(executor)
    if hasattr(os, "getsid"):
        assert os.getsid(pid) == pid
    if sys.platform == "linux" and start == "new":
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert {f"{name}=1".encode() for name in launch.ONE_THREAD} <= set(variables)


def test_a_task_larger_than_any_pipe(executor: ProcessExecutor, tmp_path: Path) -> None:
    (run,) = seeds(tmp_path / "runs", 1)
    large = type(run)(run.number, run.experiment, run.path, "x" * 2_000_000)
    executor.submit(Task((large,)))
    assert [type(event) for _, event in answers(executor, 1)] == [Ended, Finished]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_how_a_process_ended_is_told(executor: ProcessExecutor, tmp_path: Path) -> None:
    plan = [experiment(tmp_path, [write_fuse(tmp_path)], augmentation=[{"name": "fuse", "deadly": 1.0}])]
    task = Task(tuple(runs_of(tmp_path / "runs", plan)))
    executor.submit(task)
    (before, other) = pids(executor)
    assert answers(executor, 1) == [(task, Lost("its process was ended by signal 9: deadly for good"))]
    assert pids(executor) == [other]
    assert not alive(before)


def begin(executor: ProcessExecutor, folder: Path) -> list[int]:
    """Starts the processes, with a task that one of them brings to its end."""
    executor.submit(tasks_of(seeds(folder, 1), 1)[0])
    before = pids(executor)
    assert len(before) == 2
    answers(executor, 1)
    return before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_an_idle_process_that_dies_is_replaced(executor: ProcessExecutor, tmp_path: Path) -> None:
    before = begin(executor, tmp_path / "begin")
    os.kill(before[0], signal.SIGKILL)
    assert until(lambda: len(pids(executor)) == 1, executor) == []
    first, second = tasks_of(seeds(tmp_path / "runs", 2), 1)
    executor.submit(first)
    assert pids(executor) == before[1:]
    executor.submit(second)
    assert len(pids(executor)) == 2
    assert [type(event) for _, event in answers(executor, 2)].count(Finished) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_task_for_a_process_that_has_just_died_is_lost(executor: ProcessExecutor, tmp_path: Path) -> None:
    for pid in begin(executor, tmp_path / "begin"):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(alive, pids(executor))))
    (task,) = tasks_of(seeds(tmp_path / "runs", 1), 1)
    executor.submit(task)
    assert answers(executor, 1) == [(task, Lost("its process was ended by signal 9"))]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_process_that_was_stopped_takes_no_more_tasks(executor: ProcessExecutor, tmp_path: Path) -> None:
    """Whoever stopped it."""
    executor.slots = 1
    (run,) = seeds(tmp_path / "runs", 1, **LONG)
    executor.submit(Task((run,)))
    (pid,) = pids(executor)
    until(lambda: lock.is_held(run.path), executor)
    os.kill(pid, signal.SIGTERM)
    ((_, event),) = answers(executor, 1)
    assert isinstance(event, Stopped)
    (task,) = tasks_of(seeds(tmp_path / "others", 1), 1)
    executor.submit(task)
    assert [type(event) for _, event in answers(executor, 1)] == [Ended, Finished]
    assert pids(executor)[-1] != pid


def test_stop_lets_all_save_and_leave(executor: ProcessExecutor, tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 2, **LONG)
    for task in tasks_of(runs, 1):
        executor.submit(task)
    before = pids(executor)
    until(lambda: all(lock.is_held(run.path) for run in runs), executor)
    executor.stop(signal.SIGINT)
    heard = answers(executor, 2)
    assert {type(event) for _, event in heard} <= {Stopped, Notice}
    assert all(checkpoint.numbers(run.path / "checkpoints") for run in runs)
    until(lambda: not any(map(alive, before)), executor)
    # Nor is anything wrong with stopping or closing what has left.
    executor.stop(signal.SIGINT)
    executor.close()


def test_close_ends_what_still_runs(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 2, **LONG)
    with ProcessExecutor(2) as executor:
        for task in tasks_of(runs, 1):
            executor.submit(task)
        before = pids(executor)
        until(lambda: all(lock.is_held(run.path) for run in runs), executor)
    assert len(before) == 2
    assert not any(map(alive, before))
    assert not any(lock.is_held(run.path) for run in runs)


def test_what_is_no_event_is_passed_over(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a line that the end of the process cut off."""
    if start == "copy":

        def serve(threads: int, prepared: Prepared | None = None) -> None:
            os.write(1, SAID.encode())
            os._exit(3)

        monkeypatch.setattr(launch.child, "serve", serve)
    else:
        popen = subprocess.Popen

        def other(command: list[str], **kwargs: Any) -> subprocess.Popen[bytes]:
            script = f"import os; os.write(1, {SAID.encode()!r}); os._exit(3)"
            return popen([sys.executable, "-c", script], **kwargs)

        monkeypatch.setattr(launch.subprocess, "Popen", other)
    inbox: processes.Inbox = queue.SimpleQueue()
    child = Child(inbox)
    child.listen()
    assert inbox.get(timeout=PATIENCE) == (child, Notice("x"))
    assert inbox.get(timeout=PATIENCE) == (child, None)
    assert child.farewell() == "its process ended with exit code 3"
    child.close()


@pytest.mark.parametrize("start", ["copy"], indirect=True)
def test_a_copy_neither_loads_nor_resolves_what_is_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("done again")

    (run,) = seeds(tmp_path / "runs", 1)
    prepared = Prepared(Datasets(), {run.experiment.hash: run.experiment})
    prepared.datasets.load(run.experiment)
    monkeypatch.setattr(tasks, "resolve", refuse)
    monkeypatch.setattr(type(run.experiment.recipe.dataset), "load", refuse)
    for known, last in ((prepared, Finished), (None, Lost)):
        with ProcessExecutor(1, prepared=known) as executor:
            executor.submit(Task((run,)))
            assert isinstance(answers(executor, 1)[-1][1], last)


SAID = '["Notice", {"message": "x"}]\nhello\n["Noti'


@pytest.mark.parametrize("start", ["new"], indirect=True)
@pytest.mark.parametrize("copyable", [False, True])
def test_a_process_is_copied_where_it_can_be(copyable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(launch, "_Copy", lambda *arguments: made.append("copy"))
    monkeypatch.setattr(launch, "_New", lambda *arguments: made.append("new"))
    monkeypatch.setattr(launch, "copyable", lambda: copyable)
    launch.start(1, sys.stderr.buffer)
    assert made == (["copy"] if copyable else ["new"])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no copies")
@pytest.mark.parametrize("start", ["copy"], indirect=True)
def test_a_copy_keeps_nothing_of_this_process(tmp_path: Path) -> None:
    """Neither open files, by which it would hold locks and pipes, nor what was to be printed."""
    script = """
import sys, threading
from pathlib import Path
from dltricks.execution import launch, processes
from dltricks.execution.events import Finished
from execution.plans import Watcher, conduct, seeds, tasks_of

processes.start = launch._Copy
print("once", end="")
folder = Path(sys.argv[1])
opened = (folder / "opened").open("w")
executor = processes.ProcessExecutor(2)

def look(event):
    served = len(watcher.of(Finished)) == 2
    for child in executor._children if served else ():
        links = {str(link.readlink()) for link in Path(f"/proc/{child.pid}/fd").iterdir()}
        assert str(folder / "opened") not in links, links

watcher = Watcher(look)
conduct(tasks_of(seeds(folder / "runs", 4, epochs=30), 2), executor, watcher)
assert len(watcher.of(Finished)) == 2
opened.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(tmp_path)],
        env=helper_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "once", "")


GARBAGE = """
import gc, sys, threading, time
from pathlib import Path
from dltricks.execution import launch, processes
from execution.plans import Watcher, conduct, seeds, tasks_of

folder = Path(sys.argv[1])

class Cycle:
    def __init__(self):
        self.me, self.file = self, (folder / "opened").open("w")

garbage = [Cycle() for _ in range(10)]  # of the lowest numbers that there are
serve = launch.child.serve

def drop(threads, prepared=None):
    def collect():
        while not list((folder / "runs").glob("*/env.json")):
            time.sleep(0.01)
        garbage.clear()
        gc.collect()
        (folder / "collected").write_text("")

    threading.Thread(target=collect, daemon=True).start()
    serve(threads, prepared)

launch.child.serve = drop
processes.start = launch._Copy
executor, watcher = processes.ProcessExecutor(1), Watcher()
campaign = conduct(tasks_of(seeds(folder / "runs", 2, epochs=300), 2), executor, watcher)
assert (folder / "collected").exists()
print(campaign.failures, len(watcher.begun))
for each in garbage:
    each.file.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no copies")
@pytest.mark.parametrize("start", ["copy"], indirect=True)
def test_the_garbage_of_this_process_costs_a_copy_none_of_its_files(tmp_path: Path) -> None:
    """The collector closes files by their numbers, which the copy may have given to others."""
    done = subprocess.run(
        [sys.executable, "-c", GARBAGE, str(tmp_path)],
        env=helper_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{} 1\n", "")


def helper_environment() -> dict[str, str]:
    return environment(PYTHONPATH=os.pathsep.join([str(launch.ROOT), str(Path(__file__).parents[1])]))


PARENT = """
import sys
from pathlib import Path
from dltricks.execution.events import Progress
from dltricks.execution import launch, processes
from dltricks.execution.processes import ProcessExecutor
from execution.plans import seeds, tasks_of

new = lambda threads, errors, prepared: launch._New(threads, errors)
processes.start = launch._Copy if sys.argv[2] == "copy" else new
executor = ProcessExecutor(2)
for task in tasks_of(seeds(Path(sys.argv[1]), 2, epochs=100_000), 1):
    executor.submit(task)
working = set()
while len(working) < 2:
    executor.wait(lambda task, event: working.add(id(task)), 0.1)
print(*[child.pid for child in executor._children], flush=True)
while True:
    executor.wait(lambda task, event: None, 0.1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_they_leave_when_this_process_is_killed(tmp_path: Path, start: str) -> None:
    runs_dir = tmp_path / "runs"
    command = [sys.executable, "-c", PARENT, str(runs_dir), start]
    parent = subprocess.Popen(command, env=helper_environment(), stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout as out:
        try:
            children = [int(pid) for pid in out.readline().split()]
            assert len(children) == 2
            assert all(map(alive, children))
        finally:
            parent.kill()
            parent.wait()
    until(lambda: not any(map(alive, children)))
    for run in ("00", "01"):
        assert not lock.is_held(runs_dir / run)
        assert checkpoint.numbers(runs_dir / run / "checkpoints")
