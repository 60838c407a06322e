from __future__ import annotations

import numpy as np
import pytest
from engine.small import clip, store

from dltricks.clippers.norm import Norm
from dltricks.core.numeric import norms


def test_against_the_formula() -> None:
    made = store(("W", (4, 3), "kernel"), ("b", (3,), "bias"), replicas=3)
    clippers = (Norm(0.5), Norm(2.0), Norm(1e3))
    for _ in range(5):
        made.g[...] = np.random.default_rng(1).normal(size=made.g.shape)
        expected = []
        for g, threshold in zip(made.g, (0.5, 2.0, 1e3), strict=True):
            size = np.sqrt(sum(x * x for x in g))
            expected.append(g * threshold / size if size > threshold else g)
        clipped = clip(made, *clippers)
        np.testing.assert_allclose(made.g, expected, rtol=1e-14)
        assert clipped is not None
        assert clipped.tolist() == [True, True, False]


def test_a_clipped_gradient_keeps_its_direction_and_has_the_threshold_as_its_norm() -> None:
    made = store(("W", (40, 30), "kernel"), dtype="float32")
    before = made.g.copy()
    clip(made, Norm(0.25))
    assert norms(made.g)[0] == pytest.approx(0.25, rel=1e-6)
    cosine = np.vecdot(before, made.g) / norms(before) / norms(made.g)
    assert cosine == pytest.approx(1.0, abs=1e-6)


def test_what_is_not_clipped_keeps_its_bits_beside_what_is() -> None:
    made = store(("W", (40, 30), "kernel"), replicas=2, dtype="float32")
    before = made.g.copy()
    clip(made, Norm(1e9), Norm(0.1))
    assert made.g[0].tobytes() == before[0].tobytes()
    assert (made.g[1] != before[1]).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_huge_finite_gradient(dtype: str) -> None:
    made = store(("W", (40, 30), "kernel"), dtype=dtype)
    direction = made.g / norms(made.g)
    made.g *= np.finfo(dtype).max / np.abs(made.g).max() / 100
    with np.errstate(over="ignore"):
        clip(made, Norm(1e-3))
    np.testing.assert_allclose(made.g, 1e-3 * direction, rtol=1e-5)
