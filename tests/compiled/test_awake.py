from __future__ import annotations

import os
import threading
from _thread import interrupt_main
from time import sleep
from typing import Any

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
    def counting(turn, seen):  # type: ignore[no-untyped-def]
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


def test_a_thread_that_comes_late_does_not_join_fewer_than_it_was_called_with() -> None:
    """Kernels have memory for so many threads as are asked for."""
    from dltricks.compiled.awake import Awake

    awake, seen = Awake(), set()
    awake.run(lambda _: None, 4)

    def job(thread: int) -> None:
        seen.add(thread)
        if thread == 0:
            for bed in awake.crew.beds:
                bed.release()
            sleep(0.2)

    awake.run(job, 2)
    assert seen <= {0, 1}


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
    pool.run([lambda i=i: done.append(i) for i in range(6)])  # type: ignore[misc]
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
