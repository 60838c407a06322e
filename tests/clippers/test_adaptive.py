from __future__ import annotations

import numpy as np
import pytest
from engine.small import clip, store

from dltricks.clippers.adaptive import Adaptive
from dltricks.core.store import Store


def network(replicas: int = 1, dtype: str = "float64") -> Store:
    made = store(
        ("1.linear.W", (6, 4), "kernel"),
        ("1.linear.b", (4,), "bias"),
        ("2.conv.W", (3, 3, 2, 5), "kernel"),
        ("4.linear.W", (4, 3), "kernel"),
        ("4.linear.b", (3,), "bias"),
        replicas=replicas,
        dtype=dtype,
    )
    made.p[:, made.kernels.stop :] = 0  # biases begin at zero
    return made


def expected(made: Store, factor: float, eps: float, last: bool) -> np.ndarray:
    """As the paper has it, unit by unit."""
    result = made.g[0].copy()
    g_views = dict(zip([p.path for p in made.parameters], made.views(result[None]), strict=True))
    for parameter, w in made.views(made.p):
        if parameter.path.startswith("4.") and not last:
            continue
        g = g_views[parameter.path][1]
        units = range(parameter.shape[-1]) if parameter.role == "kernel" else [slice(None)]
        for unit in units:
            size = np.sqrt((g[0, ..., unit] ** 2).sum())
            most = factor * max(np.sqrt((w[0, ..., unit] ** 2).sum()), eps)
            if size > most:
                g[0, ..., unit] *= most / size
    return result


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("factor", [0.01, 3.0])
def test_against_the_formula(factor: float, last: bool) -> None:
    made = network()
    wanted = expected(made, factor, 1e-3, last)
    clipped = clip(made, Adaptive(factor, last_layer=last))
    np.testing.assert_allclose(made.g[0], wanted, rtol=1e-12)
    assert clipped is not None
    assert clipped.tolist() == [True]


def test_each_replica_has_its_own_factor() -> None:
    made = network(replicas=2)
    before = made.g.copy()
    clipped = clip(made, Adaptive(1e6), Adaptive(0.01))
    assert clipped is not None
    # The zero biases of the first hold their gradient to factor * eps, which is large here as well.
    assert clipped.tolist() == [False, True]
    assert made.g[0].tobytes() == before[0].tobytes()


def test_the_only_layer_is_clipped() -> None:
    made = store(("1.linear.W", (6, 4), "kernel"), ("1.linear.b", (4,), "bias"))
    clipped = clip(made, Adaptive())
    assert clipped is not None
    assert clipped.all()


def test_a_huge_finite_gradient_ends_at_the_bound() -> None:
    made = network(dtype="float32")
    made.g *= np.float32(1e37)
    with np.errstate(over="ignore"):
        clip(made, Adaptive(last_layer=True))
    for (_, w), (parameter, g) in zip(made.views(made.p), made.views(made.g), strict=True):
        if parameter.role == "kernel":
            axes = tuple(range(1, w.ndim - 1))
            bound = 0.01 * np.sqrt((w**2).sum(axes))
            np.testing.assert_allclose(np.sqrt((g**2).sum(axes)), bound, rtol=1e-5)
