from __future__ import annotations

import numpy as np
from engine.small import store

from dltricks.core.component import stack
from dltricks.penalties.l1 import L1


def value(w: np.ndarray, strength: float) -> float:
    """The penalty itself, over kernels."""
    return float(strength * np.abs(w).sum())


def test_the_gradient_is_that_of_the_penalty_over_kernels_only() -> None:
    made = store(("W", (4, 3), "kernel"), ("b", (3,), "bias"), ("V", (3, 2), "kernel"), replicas=2)
    before = made.g.copy()
    penalty = stack([L1(0.1), L1(0.7)], ndim=2)
    penalty.setup(made)
    penalty.add_gradient(made)
    kernels = made.kernels.stop
    for k, fields in enumerate(((0.1,), (0.7,))):
        w = made.p[k, :kernels]
        for i in range(kernels):
            step = np.zeros(kernels)
            step[i] = 1e-6
            slope = (value(w + step, *fields) - value(w - step, *fields)) / 2e-6
            assert abs(made.g[k, i] - before[k, i] - slope) < 1e-7
    assert (made.g[:, kernels:] == before[:, kernels:]).all()


def test_weights_that_the_loss_does_not_need_come_near_zero() -> None:
    made = store(("W", (4, 3), "kernel"))
    penalty = stack([L1(0.5)], ndim=2)
    penalty.setup(made)
    for _ in range(1000):
        made.g[...] = 0
        penalty.add_gradient(made)
        made.p -= 0.01 * made.g
    assert np.abs(made.p).max() <= 0.005


def test_zero_is_at_rest() -> None:
    made = store(("W", (4, 3), "kernel"))
    made.p[...] = 0
    made.g[...] = 0
    penalty = stack([L1(0.5)], ndim=2)
    penalty.setup(made)
    penalty.add_gradient(made)
    assert not made.g.any()
