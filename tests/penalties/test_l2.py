from __future__ import annotations

import numpy as np
from engine.small import store

from dltricks.core.component import stack
from dltricks.penalties.l2 import L2


def value(w: np.ndarray, strength: float) -> float:
    """The penalty itself, over kernels."""
    return float(strength / 2 * (w**2).sum())


def test_the_gradient_is_that_of_the_penalty_over_kernels_only() -> None:
    made = store(("W", (4, 3), "kernel"), ("b", (3,), "bias"), ("V", (3, 2), "kernel"), replicas=2)
    before = made.g.copy()
    penalty = stack([L2(0.1), L2(0.7)], ndim=2)
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


def test_without_a_loss_weights_decay_by_the_same_share_at_every_step() -> None:
    made = store(("W", (4, 3), "kernel"))
    penalty = stack([L2(0.5)], ndim=2)
    penalty.setup(made)
    start = made.p.copy()
    for _ in range(5):
        made.g[...] = 0
        penalty.add_gradient(made)
        made.p -= 0.1 * made.g
    np.testing.assert_allclose(made.p, start * 0.95**5, rtol=1e-14)
