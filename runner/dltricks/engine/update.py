"""Runs an optimizer over the flat store, one cache-sized block of columns at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltricks.core.component import stack
from dltricks.core.optimizer import Optimizer
from dltricks.core.parallel import pool
from dltricks.core.store import Store
from dltricks.core.types import Array

BLOCK = 1 << 15
"""Values of a block: five arrays of them fit a second-level cache."""
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
        self.slots = [np.zeros((store.replicas, width), store.dtype) for width in self.rule.widths()]
        self.rule.start(self.slots)
        self._groups = self._plan(store)

    def _plan(self, store: Store) -> list[list[Block]]:
        whole = [store.p, store.g, np.empty((0, 0), store.dtype), *self.slots]
        size = store.p.size
        width = max(256, BLOCK // store.replicas)
        if not self.rule.elementwise or size <= 2 * BLOCK:
            whole[2] = np.empty_like(store.p)
            return [[(store.p[:, store.kernels], tuple(whole))]]
        groups: list[list[Block]] = []
        count = pool.threads if size >= SHARED else 1
        starts = range(0, store.size, width)
        for g in range(count):
            tmp = np.empty((store.replicas, width), store.dtype)
            blocks: list[Block] = []
            for start in starts[len(starts) * g // count : len(starts) * (g + 1) // count]:
                part = slice(start, start + width)
                p, grad, *slots = (flat[:, part] for flat in (store.p, store.g, *self.slots))
                kernels = p[:, : max(0, store.kernels.stop - start)]
                blocks.append((kernels, (p, grad, tmp[:, : p.shape[1]], *slots)))
            groups.append(blocks)
        return groups

    def __call__(self, lr: Array, t: int) -> None:
        """Step t, counted from 1, at the rates ``lr``, float64 (K, 1)."""
        self.rule.prepare(lr, t)
        if len(self._groups) == 1:
            self._run(self._groups[0])
        else:
            pool.run([lambda group=group: self._run(group) for group in self._groups])  # type: ignore[misc]

    def _run(self, blocks: list[Block]) -> None:
        for kernels, arguments in blocks:
            self.rule.decay(kernels)
            self.rule.step(*arguments)
