"""A small store with every role of parameter, and an optimizer that steps through given gradients."""

from __future__ import annotations

import numpy as np

from dltricks.core.optimizer import Optimizer
from dltricks.core.store import Parameter, Store
from dltricks.core.types import Array
from dltricks.engine.update import Updater

FACTORS = (1.0, 0.7, 0.5, 1.0, 0.2)
"""A schedule for five steps: the formulas must hold while lr changes."""


def parameters(width: int = 5) -> list[Parameter]:
    """Those of a network of three layers with a normalization."""
    return [
        Parameter("1.W", (6, width), "kernel"),
        Parameter("1.b", (width,), "bias"),
        Parameter("2.gain", (width,), "gain"),
        Parameter("3.W", (width, 4), "kernel"),
        Parameter("3.b", (4,), "bias"),
        Parameter("4.W", (4, 3), "kernel"),
        Parameter("4.b", (3,), "bias"),
    ]


class Bench:
    """K optimizers on K replicas; ``p`` is the first one's row of parameters."""

    def __init__(self, *rules: Optimizer, dtype: type = np.float64, width: int = 5) -> None:
        self.store = Store(parameters(width), len(rules), np.dtype(dtype))
        self.store.p[...] = np.random.default_rng(7).normal(size=self.store.p.shape)
        self.update = Updater(rules, self.store)
        self.t = 0

    @property
    def p(self) -> Array:
        return self.store.p[0].copy()

    @property
    def kernel(self) -> Array:
        """1 for kernels, 0 for the rest: what weight decay is multiplied by."""
        return (np.arange(self.store.size) < self.store.kernels.stop).astype(float)

    def parts(self) -> list[tuple[slice, tuple[int, ...], str]]:
        """(columns, shape, role) of every parameter in the store's order."""
        return [(slice(q.start, q.start + q.size), q.shape, q.role) for q in self.store.parameters]

    def gradients(self, steps: int = 5, scale: float = 1.0) -> list[Array]:
        """Random gradients of one replica."""
        return list(np.random.default_rng(11).normal(size=(steps, self.store.size)) * scale)

    def step(self, g: Array, factor: float = 1.0) -> Array:
        """One step along g at the scheduled rate lr * factor; returns the parameters."""
        self.store.g[...] = g
        self.t += 1
        with np.errstate(all="ignore"):  # as in the training loop
            self.update(self.update.rates * factor, self.t)
        return self.p

    def slot(self, name: str) -> Array:
        return self.update.slots[self.update.rule.slots.index(name)]


def close(found: Array, wanted: Array) -> None:
    """Equal but for rounding in float64."""
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
