from __future__ import annotations

import numpy as np
from engine.small import recipe, run, store

from dltricks.core.component import stack
from dltricks.penalties.max_norm import MaxNorm


def test_against_the_formula() -> None:
    made = store(("W", (6, 4), "kernel"), ("b", (4,), "bias"), ("C", (3, 3, 2, 5), "kernel"), replicas=2)
    limits = (2.0, 5.0)
    expected = made.p.copy()
    for parameter, w in made.views(expected):
        if parameter.role != "kernel":
            continue
        for k, limit in enumerate(limits):
            for unit in range(parameter.shape[-1]):
                size = np.sqrt((w[k, ..., unit] ** 2).sum())
                if size > limit:
                    w[k, ..., unit] *= limit / size
    penalty = stack([MaxNorm(limit) for limit in limits], ndim=2)
    penalty.setup(made)
    before = made.p.copy()
    penalty.project(made)
    np.testing.assert_allclose(made.p, expected, rtol=1e-14)
    assert (made.p != before).any(1).all()
    assert (made.p == before).any(1).all()


def test_the_gradient_is_left_alone() -> None:
    made = store(("W", (6, 4), "kernel"))
    before = made.g.copy()
    penalty = stack([MaxNorm(0.1)], ndim=2)
    penalty.setup(made)
    penalty.add_gradient(made)
    assert (made.g == before).all()


def test_columns_stay_within_the_limit_through_training() -> None:
    free, bound = (
        run(recipe(penalty=penalty, optimizer={"name": "adam", "lr": 0.05}))[0]
        for penalty in ("none", {"name": "max_norm", "limit": 0.5})
    )
    largest = {
        name: max(np.linalg.norm(w, axis=0).max() for path, w in outcome.weights.items() if path.endswith("W"))
        for name, outcome in (("free", free), ("bound", bound))
    }
    assert largest["bound"] <= 0.5 * (1 + 1e-6)
    assert largest["free"] > 0.6
