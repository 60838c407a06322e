from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench, inputs

from dltricks.activations.selu import ALPHA, SCALE
from dltricks.dropouts.alpha import Alpha


def test_against_the_formula() -> None:
    bench = Bench(Alpha(0.25), shape=(12,))
    x = inputs(1, 300, (12,))
    y, dx, _ = bench.step(x, np.ones(x.shape))
    q, lowest = 0.25, -SCALE * ALPHA
    a = 1 / np.sqrt((1 - q) * (1 + q * lowest**2))
    b = -a * q * lowest
    kept = dx != 0
    assert abs(kept.mean() - 0.75) < 0.03
    np.testing.assert_allclose(y, np.where(kept, a * x + b, a * lowest + b), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx[kept], a, rtol=1e-12)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_mean_zero_and_variance_one_are_kept(rate: float) -> None:
    x = np.random.default_rng(0).normal(size=(1, 40000, 12))
    y = Bench(Alpha(rate), shape=(12,)).forward(x)
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.02


def test_a_rate_of_zero_changes_no_bit() -> None:
    x = inputs(1, 50, (12,), "float32")
    y, dx, _ = Bench(Alpha(0.0), shape=(12,), dtype="float32").step(x, x)
    assert y.tobytes() == dx.tobytes() == x.tobytes()


def test_evaluation_hands_on_the_very_array() -> None:
    bench = Bench(Alpha(), shape=(12,))
    bench.context.training = False
    x = inputs(1, 5, (12,))
    assert bench.forward(x) is x
