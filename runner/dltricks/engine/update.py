"""Runs an optimizer over the flat store, one block of columns at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from dltricks.core.component import stack
from dltricks.core.memory import zeros
from dltricks.core.optimizer import Optimizer
from dltricks.core.parallel import pool
from dltricks.core.store import Store
from dltricks.core.types import Array

BLOCK = 1 << 17
"""Values of a block.

Measured on an Adam step over 668,682 float32 parameters, on one and on two threads: 724 and 733 us with blocks of 2^15,
668 and 553 with 2^16, 675 and 476 with 2^17, 681 and 484 with 2^18. Once blocks begin at cache lines, fitting a
second-level cache gains nothing, and short blocks cost calls, which threads make one after another.
"""
LINE = 16
"""Values of a cache line, in float32."""
SHARED = 1 << 18
"""Values from which on the blocks are shared out over threads. An elementwise rule cannot tell."""

Block = tuple[Array, tuple[Array, ...]]
"""The kernels among a block's parameters, and the arguments of ``step``."""


class Updater:
    """An optimizer of K replicas with its slots."""

    def __init__(self, optimizers: Sequence[Optimizer], store: Store) -> None:
        self.rule = stack(optimizers, ndim=2)
        self.rates = np.asarray(self.rule.lr, np.float64)
        """Each replica's own learning rate, (K, 1), before the schedule."""
        self.rule.attach(store)
        self.rule.setup()
        self.slots = [zeros((store.replicas, width), store.dtype) for width in self.rule.widths()]
        self.rule.start(self.slots)
        self._groups = self._plan(store)

    def _plan(self, store: Store) -> list[list[Block]]:
        # Rows of a block must stay long: short pieces that lie far apart cost more than the cache saves.
        pieces = -(-store.size // max(BLOCK // 4, BLOCK // store.replicas)) if self.rule.elementwise else 1
        threads = pool.threads if self.rule.elementwise and store.p.size >= SHARED else 1
        pieces = -(-pieces // threads) * threads
        # Blocks begin at whole cache lines, as their buffer does.
        edges = list(pairwise([*(store.size * i // pieces // LINE * LINE for i in range(pieces)), store.size]))
        groups: list[list[Block]] = []
        for t in range(threads):
            tmp = zeros((store.replicas, -(-store.size // pieces) + LINE), store.dtype)
            blocks: list[Block] = []
            for start, stop in edges[t::threads]:
                # A rule that is not elementwise may have slots of widths of its own, and is given them whole.
                slots = [slot[:, start:stop] if self.rule.elementwise else slot for slot in self.slots]
                kernels = store.p[:, start : min(stop, max(start, store.kernels.stop))]
                p, g = store.p[:, start:stop], store.g[:, start:stop]
                blocks.append((kernels, (p, g, tmp[:, : stop - start], *slots)))
            groups.append(blocks)
        return groups

    def __call__(self, lr: Array, t: int) -> None:
        """Step t, counted from 1, at the rates ``lr``, float64 (K, 1)."""
        self.rule.prepare(lr, t)
        pool.run([partial(self._run, group) for group in self._groups])

    def _run(self, blocks: list[Block]) -> None:
        for kernels, arguments in blocks:
            self.rule.decay(kernels)
            self.rule.step(*arguments)
