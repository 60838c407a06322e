from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from execution.plans import Watcher, alive, conduct, experiment, forget, results, runs_of, seeds, tasks_of, write_fuse

from dltricks.core.errors import StoppedError
from dltricks.execution import campaign as campaigns
from dltricks.execution.campaign import ATTEMPTS, Campaign
from dltricks.execution.events import Ended, Event, Failed, Finished, Lost, Notice, Progress, Stopped
from dltricks.execution.executor import Executor, Report
from dltricks.execution.processes import ProcessExecutor
from dltricks.execution.task import PlannedRun, Task
from dltricks.runs import checkpoint, lock
from dltricks.runs.signals import NUMBERS, Signals

Answer = Callable[[Task], Sequence[Event]]


def well(task: Task) -> list[Event]:
    """Every run ends."""
    return [*(Ended(run.number, {}) for run in task.runs), Finished()]


def numbers(tasks: Sequence[Task]) -> list[list[int]]:
    return [[run.number for run in task.runs] for task in tasks]


class Scripted(Executor):
    """Answers tasks in their order, one at each wait."""

    def __init__(self, answer: Answer = well, slots: int = 1) -> None:
        self.answer, self.slots = answer, slots
        self.pending: list[Task] = []
        self.stops: list[int] = []
        self.closed = 0

    def submit(self, task: Task) -> None:
        self.pending.append(task)
        assert len(self.pending) <= self.slots

    def wait(self, report: Report, seconds: float) -> None:
        assert seconds > 0
        if self.pending:
            task = self.pending.pop(0)
            for event in self.answer(task):
                report(task, event)

    def stop(self, number: int) -> None:
        self.stops.append(number)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def runs(tmp_path: Path) -> list[PlannedRun]:
    return seeds(tmp_path / "runs", 8)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "AGAIN_SECONDS", 0.0)


def test_all_tasks_in_their_order(runs: list[PlannedRun]) -> None:
    tasks, watcher = tasks_of(runs, 3), Watcher()
    executor = Scripted(slots=2)
    assert conduct(tasks, executor, watcher).failures == {}
    assert watcher.begun == tasks
    assert [event.run for event in watcher.of(Ended)] == list(range(8))
    assert (executor.stops, executor.closed) == ([], 1)


def test_nothing_to_do() -> None:
    assert conduct([], Scripted()).failures == {}


def test_a_run_that_always_ends_its_process_ends_alone(runs: list[PlannedRun]) -> None:
    def answer(task: Task) -> Sequence[Event]:
        return [Lost("boom")] if 3 in numbers([task])[0] else well(task)

    watcher = Watcher()
    failures = conduct(tasks_of(runs, 8), Scripted(answer), watcher).failures
    assert numbers(watcher.begun) == [list(range(8)), [0, 1, 2, 3], [4, 5, 6, 7], [0], [1], [2], [3]]
    assert [task.attempt for task in watcher.begun] == [1, 2, 2, 3, 3, 3, 3]
    assert failures == {3: Failed(3, "Lost", f"{runs[3].path}: boom, 3 times", 1)}
    assert watcher.of(Failed) == [failures[3]]
    assert len(watcher.of(Lost)) == ATTEMPTS
    assert sorted(event.run for event in watcher.of(Ended)) == [0, 1, 2, 4, 5, 6, 7]


def test_only_what_has_not_ended_is_tried_again(runs: list[PlannedRun]) -> None:
    def answer(task: Task) -> Sequence[Event]:
        if task.attempt == 1:
            return [Ended(1, {}), Failed(2, "DamagedError", "damaged", 4), Ended(5, {}), Lost("boom")]
        return well(task)

    watcher = Watcher()
    assert list(conduct(tasks_of(runs, 8), Scripted(answer), watcher).failures) == [2]
    assert numbers(watcher.begun)[1:] == [[0, 3], [4, 6, 7]]


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_process_that_is_lost_after_its_last_run_costs_nothing(runs: list[PlannedRun], attempt: int) -> None:
    def answer(task: Task) -> Sequence[Event]:
        return [Lost("boom")] if task.attempt < attempt else [*well(task)[:-1], Lost("boom")]

    watcher = Watcher()
    assert conduct(tasks_of(runs[:4], 4), Scripted(answer), watcher).failures == {}
    assert sorted(event.run for event in watcher.of(Ended)) == [0, 1, 2, 3]


@pytest.mark.parametrize(("error", "code"), [("LockedError", 5), ("FileSystemError", 6)])
@pytest.mark.parametrize("heals", [2, 3, 4])
def test_what_may_be_over_is_tried_again(runs: list[PlannedRun], error: str, code: int, heals: int) -> None:
    def answer(task: Task) -> Sequence[Event]:
        bad = [Failed(run.number, error, "why", code) for run in task.runs if run.number in (1, 2)]
        return well(task) if task.attempt >= heals else [Ended(0, {}), *bad, Finished()]

    watcher = Watcher()
    failures = conduct(tasks_of(runs[:3], 3), Scripted(answer), watcher).failures
    expected = {} if heals <= ATTEMPTS else {run: Failed(run, error, "why", code) for run in (1, 2)}
    assert failures == expected
    # Not before it is for good.
    assert watcher.of(Failed) == list(expected.values())
    assert numbers(watcher.begun) == [[0, 1, 2], *[[1], [2]] * (min(heals, ATTEMPTS) - 1)]


@pytest.mark.parametrize(("error", "code"), [("UsageError", 2), ("DamagedError", 4)])
def test_what_stays_wrong_is_not_tried_again(runs: list[PlannedRun], error: str, code: int) -> None:
    def answer(task: Task) -> Sequence[Event]:
        return [Failed(0, error, "why", code), *well(Task(task.runs[1:]))]

    watcher = Watcher()
    assert conduct(tasks_of(runs[:2], 2), Scripted(answer), watcher).failures == {0: Failed(0, error, "why", code)}
    assert len(watcher.begun) == 1


def test_a_locked_run_waits_while_others_are_trained(runs: list[PlannedRun], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"now": 0.0}
    monkeypatch.setattr(campaigns, "AGAIN_SECONDS", 2.0)
    monkeypatch.setattr(campaigns.time, "monotonic", lambda: clock["now"])
    begun: list[tuple[int, float]] = []

    class Slow(Scripted):
        def wait(self, report: Report, seconds: float) -> None:
            clock["now"] += 0.5 if self.pending else seconds
            super().wait(report, seconds)

    def answer(task: Task) -> Sequence[Event]:
        begun.append((task.runs[0].number, clock["now"]))
        if len(begun) == 1:
            return [Failed(0, "LockedError", "why", 5), Finished()]
        return well(task)

    assert conduct(tasks_of(runs[:3], 1), Slow(answer)).failures == {}
    assert begun[:3] == [(0, 0.5), (1, 1.0), (2, 1.5)]
    # Nothing else being left, it is looked at when its time has come.
    assert [number for number, _ in begun[3:]] == [0]
    assert 2.5 <= begun[3][1] < 3.5


# Signals


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_begins_nothing_more(runs: list[PlannedRun], number: int) -> None:
    signals, executor = Signals(), Scripted(slots=2)

    def answer(task: Task) -> Sequence[Event]:
        if executor.stops:
            return [Ended(task.runs[0].number, {}), Stopped(number, "stopped")]
        signals.number = number
        return well(task)

    executor.answer = answer
    watcher = Watcher()
    with pytest.raises(StoppedError) as caught:
        conduct(tasks_of(runs, 2), executor, watcher, signals)
    assert caught.value.exit_code == 128 + number
    assert str(caught.value) == f"stopped by {signal.Signals(number).name}; the same command goes on from there"
    assert numbers(watcher.begun) == [[0, 1], [2, 3]]
    assert (executor.stops, executor.closed) == ([number], 1)
    assert [event.run for event in watcher.of(Ended)] == [0, 1, 2]


def stopping(signals: Signals, event: Event) -> Answer:
    def answer(task: Task) -> Sequence[Event]:
        signals.number = signal.SIGINT
        return [event] if not isinstance(event, Finished) else well(task)

    return answer


@pytest.mark.parametrize("event", [Stopped(2, "stopped"), Lost("its process ended with exit code 0"), Finished()])
def test_only_a_signal_that_leaves_something_is_an_error(runs: list[PlannedRun], event: Event) -> None:
    signals = Signals()
    watcher = Watcher()
    executor = Scripted(stopping(signals, event))
    if isinstance(event, Finished):
        assert conduct(tasks_of(runs, 8), executor, watcher, signals).failures == {}
    else:
        with pytest.raises(StoppedError):
            conduct(tasks_of(runs, 8), executor, watcher, signals)
    # After a signal nothing is tried again.
    assert len(watcher.begun) == 1
    with pytest.raises(StoppedError):
        conduct(tasks_of(runs, 4), Scripted(stopping(Signals(), Finished())), signals=signals)


def test_what_was_to_be_tried_again_is_left_by_a_signal(runs: list[PlannedRun]) -> None:
    signals = Signals()

    def answer(task: Task) -> Sequence[Event]:
        signals.number = signal.SIGTERM
        return [Failed(0, "LockedError", "why", 5), Finished()]

    with pytest.raises(StoppedError):
        conduct(tasks_of(runs[:1], 1), Scripted(answer), signals=signals)


def test_a_task_that_somebody_else_stopped_is_tried_again(runs: list[PlannedRun]) -> None:
    def answer(task: Task) -> Sequence[Event]:
        return [Ended(0, {}), Stopped(15, "stopped by SIGTERM")] if task.attempt == 1 else well(task)

    watcher = Watcher()
    assert conduct(tasks_of(runs[:3], 3), Scripted(answer), watcher).failures == {}
    assert numbers(watcher.begun) == [[0, 1, 2], [1], [2]]
    always = Scripted(lambda task: [Stopped(15, "stopped by SIGTERM")])
    failures = conduct(tasks_of(runs[:1], 1), always).failures
    assert failures == {0: Failed(0, "Lost", f"{runs[0].path}: stopped by SIGTERM, 3 times", 1)}


def test_handlers_are_put_back(runs: list[PlannedRun]) -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    inside: list[object] = []
    conduct(tasks_of(runs, 8), Scripted(), Watcher(lambda event: inside.append(signal.getsignal(signal.SIGINT))))
    assert before[0] not in inside
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_events_of_a_task_that_is_over_change_nothing(runs: list[PlannedRun]) -> None:
    watcher = Watcher()

    def answer(task: Task) -> Sequence[Event]:
        return [*well(task), Failed(0, "DamagedError", "late", 4), Lost("late"), Notice("late")]

    assert conduct(tasks_of(runs, 8), Scripted(answer), watcher).failures == {}
    assert isinstance(watcher.events[-1], Finished)


# With processes

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")


@posix
def test_a_plugin_that_ends_its_process_on_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fuse = [write_fuse(tmp_path)]
    plan = [
        experiment(tmp_path, fuse, seed=seed, augmentation=[{"name": "fuse", "deadly": float(seed == 2)}])
        for seed in range(5)
    ]
    runs, watcher = runs_of(tmp_path / "runs", plan), Watcher()
    failures = conduct(tasks_of(runs, 4), ProcessExecutor(2), watcher).failures
    assert failures == {
        2: Failed(2, "Lost", f"{runs[2].path}: its process was ended by signal 9: deadly for good, 3 times", 1)
    }
    begun = numbers(watcher.begun)
    assert sorted(begun[:2]) == [[0, 1], [2, 3, 4]]
    assert sorted(begun[2:]) == [[2], [2], [3, 4]]
    calm = runs_of(tmp_path / "calm", plan)
    monkeypatch.setenv("FUSE_OFF", "1")
    conduct(tasks_of(calm, 5))
    others = [0, 1, 3, 4]
    assert results([runs[i] for i in others]) == results([calm[i] for i in others])


def test_runs_that_cannot_be_trained_cost_no_other(tmp_path: Path) -> None:
    runs = seeds(tmp_path / "runs", 5)
    runs[1].path.mkdir(parents=True)
    runs[2].path.write_text("in the way")
    runs[3].path.mkdir()
    (runs[3].path / "config.yaml").write_text("dataset: {name: digits}\nepochs: 9\n")
    watcher = Watcher()
    with lock.hold(runs[1].path):
        failures = conduct(tasks_of(runs, 3), ProcessExecutor(2), watcher).failures
    assert {number: (failed.error, failed.code) for number, failed in failures.items()} == {
        1: ("LockedError", 5),
        2: ("FileSystemError", 6),
        3: ("DamagedError", 4),
    }
    assert f"process {os.getpid()} on host" in failures[1].message
    assert sorted(event.run for event in watcher.of(Ended)) == [0, 4]
    assert sum(1 in task for task in numbers(watcher.begun)) == ATTEMPTS
    # The same plan goes on where others have let go.
    forget(runs[3:4])
    runs[2].path.unlink()
    assert conduct(tasks_of(runs, 3)).failures == {}
    calm = seeds(tmp_path / "calm", 5)
    conduct(tasks_of(calm, 5))
    assert results(runs) == results(calm)


@posix
@pytest.mark.parametrize("second", [False, True])
def test_signals_while_processes_train(tmp_path: Path, second: bool) -> None:
    """The first lets them save, the second leaves at once; no process stays behind."""
    runs = seeds(tmp_path / "runs", 4, epochs=100_000)
    executor, signals = ProcessExecutor(2), Signals()
    pids: set[int] = set()

    def interrupt(event: Event) -> None:
        pids.update(child.pid for child in executor._children)
        if isinstance(event, Progress) and signals.number is None and all(lock.is_held(run.path) for run in runs):
            signal.raise_signal(signal.SIGTERM)
            if second:
                signal.raise_signal(signal.SIGINT)

    expected = SystemExit if second else StoppedError
    with pytest.raises(expected) as caught:
        conduct(tasks_of(runs, 2), executor, Watcher(interrupt), signals)
    assert isinstance(caught.value, SystemExit | StoppedError)
    code = caught.value.code if isinstance(caught.value, SystemExit) else caught.value.exit_code
    assert code == 128 + (signal.SIGINT if second else signal.SIGTERM)
    assert len(pids) == 2
    assert not any(map(alive, pids))
    assert not any(lock.is_held(run.path) for run in runs)
    if not second:
        assert [len(checkpoint.numbers(run.path / "checkpoints")) for run in runs] == [1] * 4


@posix
def test_a_worker_that_somebody_else_stops_is_replaced(tmp_path: Path) -> None:
    """Its runs go on from where it saved them."""
    values = {"epochs": 200, "limit": 30}
    runs, executor = seeds(tmp_path / "runs", 4, **values), ProcessExecutor(1)
    stopped: list[int] = []

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and not stopped:
            (child,) = executor._children
            stopped.append(child.pid)
            os.kill(child.pid, signal.SIGTERM)

    watcher = Watcher(stop)
    assert conduct(tasks_of(runs, 4), executor, watcher).failures == {}
    assert len(watcher.of(Stopped)) == 1
    assert [notice.message.partition(":")[0] for notice in watcher.of(Notice)]
    assert numbers(watcher.begun) == [[0, 1, 2, 3], [0, 1], [2, 3]]
    calm = seeds(tmp_path / "calm", 4, **values)
    conduct(tasks_of(calm, 4))
    assert results(runs) == results(calm)


def test_no_process_stays_behind(tmp_path: Path) -> None:
    executor = ProcessExecutor(2)
    pids: set[int] = set()
    watcher = Watcher(lambda event: pids.update(child.pid for child in executor._children))
    conduct(tasks_of(seeds(tmp_path / "runs", 2), 1), executor, watcher)
    assert len(pids) == 2
    assert not any(map(alive, pids))


def test_a_campaign_can_be_conducted_without_a_signal_left_over(runs: list[PlannedRun]) -> None:
    """A signal that came before training begins is not forgotten."""
    signals = Signals()
    signals.number = signal.SIGINT
    watcher = Watcher()
    with pytest.raises(StoppedError):
        Campaign(tasks_of(runs, 8), Scripted(), watcher, signals).conduct()
    assert watcher.begun == []
