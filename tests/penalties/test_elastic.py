from __future__ import annotations

import numpy as np
from engine.small import store

from dltricks.core.component import stack
from dltricks.penalties.elastic import Elastic
from dltricks.penalties.l1 import L1
from dltricks.penalties.l2 import L2


def value(w: np.ndarray, l1: float, l2: float) -> float:
    """The penalty itself, over kernels."""
    return float(l1 * np.abs(w).sum() + l2 / 2 * (w**2).sum())


def test_the_gradient_is_that_of_the_penalty_over_kernels_only() -> None:
    made = store(("W", (4, 3), "kernel"), ("b", (3,), "bias"), ("V", (3, 2), "kernel"), replicas=2)
    before = made.g.copy()
    penalty = stack([Elastic(0.1, 0.3), Elastic(0.7, 0.0)], ndim=2)
    penalty.setup(made)
    penalty.add_gradient(made)
    kernels = made.kernels.stop
    for k, fields in enumerate(((0.1, 0.3), (0.7, 0.0))):
        w = made.p[k, :kernels]
        for i in range(kernels):
            step = np.zeros(kernels)
            step[i] = 1e-6
            slope = (value(w + step, *fields) - value(w - step, *fields)) / 2e-6
            assert abs(made.g[k, i] - before[k, i] - slope) < 1e-7
    assert (made.g[:, kernels:] == before[:, kernels:]).all()


def test_it_is_l1_and_l2_one_after_the_other() -> None:
    made, other = (store(("W", (40, 30), "kernel"), dtype="float32") for _ in range(2))
    for penalty, where in ((Elastic(0.1, 0.2), made), (L1(0.1), other), (L2(0.2), other)):
        stacked = stack([penalty], ndim=2)
        stacked.setup(where)
        stacked.add_gradient(where)
    assert made.g.tobytes() == other.g.tobytes()
