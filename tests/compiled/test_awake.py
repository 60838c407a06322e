from __future__ import annotations

import os
import signal
import threading
from _thread import interrupt_main
from random import Random
from time import sleep
from typing import Any
from weakref import ref

import numpy as np
import pytest

from dltricks.core.parallel import Pool

pytestmark = pytest.mark.compiled


@pytest.fixture
def count() -> Any:
    """A kernel that counts how often each thing is taken."""
    from dltricks.compiled.awake import take
    from dltricks.compiled.jit import kernel

    @kernel
    def counting(turn, seen):
        first, last = take(turn)
        while first < last:
            for i in range(first, last):
                seen[i] += 1
            first, last = take(turn)

    return counting


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("things", [0, 1, 2, 7, 1000])
def test_everything_is_taken_once_call_after_call(count: Any, threads: int, things: int) -> None:
    from dltricks.compiled.awake import share

    seen = np.zeros(things, np.int64)
    for _ in range(300):
        share(things, threads, lambda _, turn: count(turn, seen))
    assert (seen == 300).all()


def test_threads_that_fell_asleep_are_woken() -> None:
    from dltricks.compiled.awake import ASLEEP, Awake

    awake, met = Awake(), threading.Event()
    for _ in range(3):
        met.clear()

        def job(thread: int) -> None:
            # The caller waits for the other, which therefore has to come.
            met.set() if thread else met.wait(60)

        awake.run(job, 2)
        assert met.is_set()
        for _ in range(1000):
            if awake.crew.bells[0, 0] == ASLEEP:
                break
            sleep(0.01)
        assert awake.crew.bells[0, 0] == ASLEEP


def test_nobody_works_on_when_a_call_returns() -> None:
    from dltricks.compiled.awake import Awake

    awake, begun, done = Awake(), threading.Event(), []

    def job(thread: int) -> None:
        if thread:
            begun.set()
            sleep(0.2)
            done.append(thread)
        else:
            begun.wait(60)

    awake.run(job, 2)
    assert done == [1]


@pytest.mark.parametrize("broken", [0, 1])
def test_an_error_reaches_the_caller_and_the_threads_live_on(broken: int) -> None:
    from dltricks.compiled.awake import Awake

    awake = Awake()
    for _ in range(3):
        met = threading.Event()

        def job(thread: int, met: threading.Event = met) -> None:
            met.set() if thread else met.wait(60)
            if thread == broken:
                raise ArithmeticError(str(thread))

        with pytest.raises(ArithmeticError, match=str(broken)):
            awake.run(job, 2)


def test_what_an_interrupted_call_leaves_counts_for_no_other() -> None:
    from dltricks.compiled.awake import Awake

    pool = Pool()
    pool.resize(3)
    pool.helpers = Awake()
    with pytest.raises(KeyboardInterrupt):
        pool.run([lambda: None, interrupt_main, lambda: sleep(0.2), lambda: sleep(0.2)])
    done: list[int] = []
    pool.run([lambda i=i: done.append(i) for i in range(6)])
    assert sorted(done) == list(range(6))


def test_threads_end_when_more_take_their_place() -> None:
    from dltricks.compiled.awake import Awake

    awake, before = Awake(), set(threading.enumerate())
    for threads in (2, 3, 5):
        awake.run(lambda _: None, threads)
    for _ in range(1000):
        if len(set(threading.enumerate()) - before) == 4:
            break
        sleep(0.01)
    assert len(set(threading.enumerate()) - before) == 4


def test_a_call_ends_although_another_has_let_its_threads_go() -> None:
    from dltricks.compiled.awake import Awake

    awake, begun, ended = Awake(), threading.Event(), threading.Event()

    def job(thread: int) -> None:
        if thread == 0:
            begun.set()
            ended.wait(60)

    caller, before = threading.Thread(target=awake.run, args=(job, 2), daemon=True), set(threading.enumerate())
    caller.start()
    begun.wait(60)
    helpers = set(threading.enumerate()) - before - {caller}
    awake.run(lambda _: None, 3)
    while any(thread.is_alive() for thread in helpers):
        sleep(0.01)
    ended.set()
    caller.join(60)
    assert not caller.is_alive()


def test_a_thread_that_comes_late_keeps_out_of_a_job_of_fewer() -> None:
    from dltricks.compiled.awake import Awake

    awake, seen = Awake(), []

    def job(thread: int) -> None:
        seen.append(thread)
        if thread == 0:
            awake.crew._join(2)  # as whoever was called for the one before

    awake.run(lambda _: None, 3)
    awake.run(job, 2)
    assert 0 in seen
    assert 2 not in seen


@pytest.mark.parametrize("method", ["wake", "settle"])
def test_an_interrupt_while_others_are_called_or_waited_for(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dltricks.compiled import awake as module

    awake, begun, done = module.Awake(), threading.Event(), []
    whole = getattr(module._Crew, method)

    def interrupted(*arguments: object) -> None:
        monkeypatch.setattr(module._Crew, method, whole)
        if method == "wake":
            module.rouse(awake.crew.at)  # called, and not yet woken
        else:
            begun.wait(60)
        raise KeyboardInterrupt

    def job(thread: int) -> None:
        if thread:
            begun.set()
            sleep(0.2)
            done.append(thread)

    awake.run(lambda _: None, 2)
    while awake.crew.bells[0, 0] != module.ASLEEP:
        sleep(0.01)
    monkeypatch.setattr(module._Crew, method, interrupted)
    with pytest.raises(KeyboardInterrupt):
        awake.run(job, 2)
    assert done == ([1] if method == "settle" else [])
    met = threading.Event()
    awake.run(lambda thread: met.set() if thread else met.wait(60), 2)
    assert met.is_set()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a system without timers")
def test_interrupts_at_any_moment_leave_nobody_at_work_nor_waiting() -> None:
    from dltricks.compiled.awake import Awake

    awake, seen, random, before = Awake(), np.zeros(100), Random(0), threading.active_count()
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        awake.run(lambda _: None, 3)  # whatever is compiled first must not be interrupted
        for _ in range(300):
            # Locks of Python, where a thread begins, make a RuntimeError of it, or it is swallowed: hence another.
            with pytest.raises((KeyboardInterrupt, RuntimeError)):  # noqa: PT012 - whichever call it is
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-3), 1.0)
                while True:
                    awake.run(lambda _: seen.__iadd__(1), random.choice([2, 3]))
            signal.setitimer(signal.ITIMER_REAL, 0)
            left = seen.copy()
            sleep(random.choice([0, 1e-4]))
            assert (seen == left).all()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    # Not so many as were begun; a crew that was whole and not yet anybody's may stay.
    for _ in range(1000):
        if threading.active_count() <= before + 30:
            break
        sleep(0.01)
    assert threading.active_count() <= before + 30


def test_threads_keep_nothing_of_what_they_did() -> None:
    from dltricks.compiled.awake import Awake

    class Job:
        def __init__(self) -> None:
            self.met = threading.Event()

        def __call__(self, thread: int) -> None:
            self.met.set() if thread else self.met.wait(60)

    awake, job = Awake(), Job()
    gone = ref(job)
    awake.run(job, 2)
    del job
    assert gone() is None


def test_a_call_after_one_for_which_a_thread_could_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    from dltricks.compiled import awake as module

    def refuse(*_: object, args: tuple[int], **__: object) -> threading.Thread:
        if args == (1,):
            raise RuntimeError("can't start new thread")
        return threading.Thread(*_, args=args, **__)

    awake = module.Awake()
    awake.run(lambda _: None, 2)
    before = set(threading.enumerate())
    monkeypatch.setattr(module, "Thread", refuse)
    with pytest.raises(RuntimeError):
        awake.run(lambda _: None, 3)
    monkeypatch.undo()
    for _ in range(1000):
        if set(threading.enumerate()) < before:
            break
        sleep(0.01)
    assert set(threading.enumerate()) < before, "who could begin, and those of the call before, have gone"
    met = threading.Event()
    awake.run(lambda thread: met.set() if thread else met.wait(60), 2)
    assert met.is_set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_forked_process_has_threads_of_its_own(count: Any) -> None:
    from dltricks.compiled.awake import Awake, share

    seen, awake = np.zeros(100, np.int64), Awake()
    awake.run(lambda _: None, 2)
    share(100, 2, lambda _, turn: count(turn, seen))
    child = os.fork()
    if not child:
        met = threading.Event()
        awake.run(lambda thread: met.set() if thread else met.wait(60), 2)
        share(100, 2, lambda _, turn: count(turn, seen))
        os._exit(0 if met.is_set() and (seen == 2).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
