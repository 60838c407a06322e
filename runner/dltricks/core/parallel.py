"""Large products and sweeps over memory, in pieces that do not depend on the number of threads.

BLAS itself is held at one thread: how it would share out a product depends on how many it has, and so would the bits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

import numpy as np

from dltricks.core.denormals import flushed
from dltricks.core.types import Array

PIECE = 8_000_000
"""Multiplications in a piece of a product that is worth handing to another thread."""
SHARED = 2_000_000
"""Multiplications of a whole stack from which on its replicas are shared out."""
SWEPT = 100_000
"""Values from which on other threads are worth their while for a function that takes a few nanoseconds for each."""
TURNS = 4
"""Parts for each thread of what is shared out: cores are rarely equally fast, and who is done first takes more."""

Job = Callable[[int], object]
"""What every thread does, called with its number, 0 for the caller's. They take from one supply until it is empty, so
that all is done even where one comes late."""


class Helpers(Protocol):
    """Threads beside the caller's."""

    def run(self, job: Job, threads: int) -> None:
        """``job`` on so many threads, this one included; returns when nobody works on it any more."""


class Sleepers:
    """Threads beside the caller's that sleep until there is work."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._inbox: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._outbox: SimpleQueue[BaseException | None] = SimpleQueue()
        self._workers: list[Thread] = []
        self._pid = os.getpid()

    def _start(self, number: int) -> None:
        if self._pid != os.getpid():  # threads do not survive a fork
            self._begin()
        while len(self._workers) < number:
            queues = (self._inbox, self._outbox)
            worker = Thread(target=self._work, args=queues, daemon=True, name="dltricks-pool")
            worker.start()
            self._workers.append(worker)

    def _work(self, inbox: SimpleQueue[Callable[[], object] | None], outbox: SimpleQueue[BaseException | None]) -> None:
        with quiet():
            while (job := inbox.get()) is not None:
                try:
                    job()
                except BaseException as error:
                    outbox.put(error)
                else:
                    outbox.put(None)

    def _leave(self) -> None:
        """Lets the threads finish all they were handed, and end: what a call that was broken off leaves in the queues
        must not count for the next one."""
        inbox, workers = self._inbox, self._workers
        self._begin()
        for _ in workers:
            inbox.put(None)
        for worker in workers:
            worker.join()

    def run(self, job: Job, threads: int) -> None:
        """``job`` on so many threads, this one included; returns when all have ended."""
        self._start(threads - 1)
        try:
            for thread in range(1, threads):
                self._inbox.put(partial(job, thread))
            job(0)
            errors = [self._outbox.get() for _ in range(1, threads)]
        except BaseException:  # Ctrl-C, too, which may come at any place
            self._leave()
            raise
        for error in errors:
            if error is not None:
                raise error


@contextmanager
def quiet() -> Iterator[None]:
    """What is set for each thread: NaN and infinity are looked for by the engine, and denormals flushed."""
    with np.errstate(all="ignore"), flushed():
        yield


class Pool:
    """The threads of this process, the caller's included."""

    def __init__(self) -> None:
        self.threads = 1
        self.helpers: Helpers = Sleepers()
        """The others. Compiled kernels put theirs in this place, which wait awake (``compiled.awake``)."""

    def resize(self, threads: int) -> None:
        """How many threads work, the caller's included."""
        self.threads = max(1, threads)

    def run(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Does all jobs, in any order and on any thread; returns when the last is done."""

        def some(_: int, first: int, last: int) -> None:
            for job in jobs[first:last]:
                job()

        self.share(len(jobs), min(self.threads, len(jobs)), some)

    def share(self, count: int, threads: int, job: Callable[[int, int, int], object]) -> None:
        """``job(thread, first, last)`` for ``count`` things that do not depend on one another, shared out over threads.

        Whichever thread is free takes the next few.
        """
        if threads == 1 or count <= 1:
            job(0, 0, count)
            return
        parts = min(count, TURNS * threads)
        # One step of an iterator over a list is not interrupted by another thread.
        left = iter([(count * part // parts, count * (part + 1) // parts) for part in range(parts)])

        def take(thread: int) -> None:
            for first, last in left:
                job(thread, first, last)

        self.helpers.run(take, threads)


pool = Pool()
"""The pool of this process."""


class Product:
    """a @ b into a third array, for (K, rows, inner) @ (K, inner, columns) of one shape, planned once for many.

    A large product is cut into two or four pieces by the shape of one replica alone, so that its bits are the same in
    any stack; a large stack of small products is shared out replica by replica.
    """

    def __init__(self, replicas: int, rows: int, inner: int, columns: int) -> None:
        multiplications = rows * inner * columns
        self.large = replicas * multiplications >= SHARED
        """Whether other threads are worth their while."""
        self._by_replicas = self.large and replicas > 1
        self._pieces = 1
        if multiplications >= 2 * PIECE and max(rows, columns) >= 64:
            self._pieces = 4 if multiplications >= 16 * PIECE and max(rows, columns) >= 256 else 2
            self._by_replicas = False
        self._on_columns = columns >= rows
        edges = [max(rows, columns) * i // self._pieces for i in range(self._pieces + 1)]
        self._parts = [slice(*edge) for edge in pairwise(edges)]

    def __call__(self, a: Array, b: Array, out: Array) -> None:
        """Computes the product."""
        if self.large:
            pool.run(self.jobs(a, b, out))
        else:
            np.matmul(a, b, out=out)

    def jobs(self, a: Array, b: Array, out: Array) -> list[Callable[[], object]]:
        """The product as jobs that may be done in any order, and beside those of other products."""
        if self._by_replicas:
            edges = pairwise(len(out) * i // pool.threads for i in range(pool.threads + 1))
            return [partial(np.matmul, a[i:j], b[i:j], out=out[i:j]) for i, j in edges if i < j]
        if self._pieces == 1:
            return [partial(np.matmul, a, b, out=out)]
        if self._on_columns:
            return [partial(np.matmul, a, b[..., part], out=out[..., part]) for part in self._parts]
        return [partial(np.matmul, a[..., part, :], b, out=out[..., part, :]) for part in self._parts]


def sweep(function: Callable[[Array, Array], object], x: Array, y: Array) -> None:
    """``function(x, y)`` for contiguous arrays of one size, part by part, where no value depends on another."""
    if pool.threads == 1 or x.size < SWEPT:
        function(x, y)
        return
    x, y = x.reshape(-1), y.reshape(-1)
    pool.share(x.size, pool.threads, lambda _, first, last: function(x[first:last], y[first:last]))


def matmul(a: Array, b: Array, out: Array) -> Array:
    """One product, as ``Product`` would do it."""
    Product(len(out), a.shape[-2], a.shape[-1], b.shape[-1])(a, b, out)
    return out
