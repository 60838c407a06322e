"""Large products and sweeps over memory, in pieces that do not depend on the number of threads.

BLAS itself is held at one thread: how it would share out a product depends on how many it has, and so would the bits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

import numpy as np

from dltricks.core.types import Array

Job = Callable[[], object]

PIECE = 8_000_000
"""Multiplications in a piece of a product that is worth handing to another thread."""


class Pool:
    """A few threads that take jobs beside the caller."""

    def __init__(self) -> None:
        self.threads = 1
        self._inbox: SimpleQueue[Job] = SimpleQueue()
        self._outbox: SimpleQueue[BaseException | None] = SimpleQueue()
        self._workers: list[Thread] = []
        self._pid = os.getpid()

    def resize(self, threads: int) -> None:
        """How many threads work, the caller's included."""
        self.threads = max(1, threads)

    def _start(self) -> None:
        if self._pid != os.getpid():  # threads do not survive a fork
            self.__init__()  # type: ignore[misc]
        while len(self._workers) < self.threads - 1:
            worker = Thread(target=self._work, daemon=True, name="dltricks-pool")
            worker.start()
            self._workers.append(worker)

    def _work(self) -> None:
        while True:
            job = self._inbox.get()
            try:
                # numpy's error handling is set per thread; NaN and infinity are looked for by the engine.
                with np.errstate(all="ignore"):
                    job()
            except BaseException as error:
                self._outbox.put(error)
            else:
                self._outbox.put(None)

    def run(self, jobs: list[Job]) -> None:
        """Does all jobs, in any order and on any thread; returns when the last is done."""
        if self.threads == 1 or len(jobs) == 1:
            for job in jobs:
                job()
            return
        self._start()
        # The caller takes every n-th job itself: one hand-over instead of a queue of small ones.
        handed = 0
        for i, job in enumerate(jobs):
            if i % self.threads:
                self._inbox.put(job)
                handed += 1
        try:
            for job in jobs[:: self.threads]:
                job()
        finally:
            errors = [self._outbox.get() for _ in range(handed)]
        for error in errors:
            if error is not None:
                raise error


pool = Pool()
"""The pool of this process."""


def matmul(a: Array, b: Array, out: Array) -> Array:
    """a @ b into ``out`` for (K, M, N) @ (K, N, O), large products in two or four pieces of rows or columns."""
    rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
    pieces = _pieces(rows * inner * columns, max(rows, columns))
    if pieces == 1:
        return np.matmul(a, b, out=out)
    if columns >= rows:
        edges = [columns * i // pieces for i in range(pieces + 1)]
        pool.run([_columns(a, b, out, slice(*edge)) for edge in zip(edges, edges[1:], strict=False)])
    else:
        edges = [rows * i // pieces for i in range(pieces + 1)]
        pool.run([_rows(a, b, out, slice(*edge)) for edge in zip(edges, edges[1:], strict=False)])
    return out


def _pieces(multiplications: int, longest: int) -> int:
    # Pieces are cut by the shape of one replica alone, so that its bits are the same in any stack.
    if multiplications < 2 * PIECE or longest < 64:
        return 1
    return 4 if multiplications >= 16 * PIECE and longest >= 256 else 2


def _columns(a: Array, b: Array, out: Array, part: slice) -> Job:
    return lambda: np.matmul(a, b[..., part], out=out[..., part])


def _rows(a: Array, b: Array, out: Array, part: slice) -> Job:
    return lambda: np.matmul(a[..., part, :], b, out=out[..., part, :])
