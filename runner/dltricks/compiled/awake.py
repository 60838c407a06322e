"""Threads that wait awake for the next kernel, whose parts they take one by one.

To wake a sleeping thread, or to get Python's lock from one that is using it, takes 50 to 150 us, as long as many a
layer. These threads look out for work for a while before they fall asleep, and it is the kernel on the caller's thread
that calls them: it has let go of Python's lock, which they need for a moment to begin.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from time import sleep

import numpy as np

from dltricks.compiled.atomic import add, exchange, load, pause, store
from dltricks.compiled.jit import kernel
from dltricks.core.parallel import TURNS, Job, pool, quiet
from dltricks.core.types import Array

LISTENING, CALLED, ASLEEP, BUSY = range(4)
"""What a thread's bell says. Only the caller sets it to called, only the thread to the others."""
LINE = 64
"""Bytes from bell to bell, so that none shares a cache line with another."""
PATIENCE = 20_000
"""How often a thread looks for work before it falls asleep, about half a millisecond."""
HASTE = 4_000
"""How often the caller looks whether the others are done before it sleeps a moment, so that one who was driven from its
core by another process can go on on the caller's."""
MOMENT = 20e-6
"""Seconds of that."""
SHARED = 1 << 16
"""Values from which on a sweep over them is shared out: fewer are done before another thread has begun."""


@kernel
def ring(bells, number):
    """Calls those of the first threads who are listening; ``bells`` is an address."""
    for i in range(number):
        exchange(bells + i * LINE, LISTENING, CALLED)


@kernel
def listen(bell, patience):
    """Waits to be called; False if the thread should sleep."""
    store(bell, LISTENING)
    for _ in range(patience):
        if load(bell) == CALLED:
            return True
        pause()
    return not exchange(bell, LISTENING, ASLEEP)


@kernel
def rouse(bell):
    """Calls a thread that is asleep; whether it was, and has to be woken."""
    return exchange(bell, ASLEEP, CALLED)


@kernel
def settled(bells, number, patience):
    """Waits until no thread is busy; False if one still is."""
    for i in range(number):
        while load(bells + i * LINE) == BUSY:
            if patience == 0:
                return False
            patience -= 1
            pause()
    return True


@kernel
def take(turn):
    """First and last of the next part; both 0 when nothing is left. The first to take one calls the other threads."""
    part = add(turn.ctypes.data, 1)
    if part == 0:
        ring(turn[3], turn[4])
    if part >= turn[1]:
        return 0, 0
    return turn[2] * part // turn[1], turn[2] * (part + 1) // turn[1]


class _Crew:
    """So many threads, which end together."""

    def __init__(self, number: int) -> None:
        self.job: tuple[Job, int, list[BaseException]] | None = None
        """What is to be done, by how many threads with the caller's, and where their errors go."""
        self.ended = False
        self.bells = np.full((number, LINE // 8), ASLEEP, np.int64)
        self.at = self.bells.ctypes.data
        # What is put into a thread's wakes it. Unlike a semaphore, an interrupt leaves no such queue half done.
        self.beds: list[SimpleQueue[None]] = [SimpleQueue() for _ in range(number)]
        self.pid = os.getpid()
        try:
            for each in range(number):
                Thread(target=self._work, args=(each,), daemon=True, name="dltricks-awake").start()
        except BaseException:
            self.end()
            raise

    def _work(self, number: int) -> None:
        bell, bed = self.bells[number], self.beds[number]
        address = bell.ctypes.data
        called = False
        with quiet():
            while not self.ended:
                if not called:
                    bed.get()
                # Before it looks for work: from here on the caller waits for this thread.
                bell[0] = BUSY
                self._join(number + 1)
                called = listen(address, PATIENCE)  # who goes afterwards is not busy, so that nobody waits for it

    def _join(self, thread: int) -> None:
        work = self.job  # once, since the caller may take it away meanwhile
        if work is not None:
            job, threads, errors = work
            if thread < threads:  # not one who comes late from a call of more threads
                try:
                    job(thread)
                except BaseException as error:
                    errors.append(error)

    def wake(self, number: int) -> None:
        """Those of the first threads who are asleep."""
        for each in range(number):
            if rouse(self.at + each * LINE):
                self.beds[each].put(None)

    def end(self) -> None:
        """Nobody sleeps any more, and who finds no work goes."""
        self.ended = True
        for bed in self.beds:
            bed.put(None)

    def settle(self) -> None:
        """Lets nobody begin any more, and waits for those who work."""
        self.job = None
        while not settled(self.at, len(self.beds), HASTE):
            sleep(MOMENT)


class Awake:
    """Threads beside the caller's that wait awake."""

    def __init__(self) -> None:
        self.crew = _Crew(0)

    def ready(self, threads: int) -> _Crew:
        """So many threads, the caller's included, or more."""
        crew = self.crew
        # Threads do not survive a fork, and may have held the locks of their beds.
        if crew.pid != os.getpid() or crew.ended or len(crew.beds) < threads - 1:
            if crew.pid == os.getpid():
                crew.end()
            self.crew = crew = _Crew(threads - 1)
        return crew

    def run(self, job: Job, threads: int, rings: bool = False) -> None:
        """``job`` on so many threads, this one included. If it ``rings``, its first ``take`` calls the others."""
        crew = self.ready(threads)
        errors: list[BaseException] = []
        try:
            crew.job = job, threads, errors
            crew.wake(threads - 1)
            if not rings:
                ring(crew.at, threads - 1)
            job(0)
            crew.settle()
        except BaseException:  # Ctrl-C, too, which may come at any place, also while this waits or wakes
            crew.settle()  # so that what is still done does not go on beside what comes next
            crew.end()  # somebody may have been called and not woken
            raise
        if errors:
            raise errors[0]


_awake = Awake()


def threads_for(values: int) -> int:
    """How many threads a sweep over so many values is worth."""
    return pool.threads if values >= SHARED else 1


def share(count: int, threads: int, job: Callable[[int, Array], object]) -> None:
    """``job(thread, turn)`` on each thread, with kernels that ``take`` parts of ``count`` things from their turn.

    A turn is the number of the next part, how many parts and how many things there are, the address of the bells, and
    how many of them the first to take a part rings.
    """
    if threads == 1 or count <= 1:
        job(0, np.array([0, 1, count, 0, 0]))
        return
    pool.helpers = _awake  # for what NumPy does, too: other threads would find these on their cores
    crew = _awake.ready(threads)
    turn = np.array([0, min(count, TURNS * threads), count, crew.at, threads - 1])
    _awake.run(lambda thread: job(thread, turn), threads, rings=True)
