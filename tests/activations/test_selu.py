from __future__ import annotations

import numpy as np
from layers.bench import Bench

from dltricks.activations.selu import ALPHA, SCALE, Selu


def test_against_the_formula() -> None:
    x = np.array([[[-60.0, -0.5, 0.0, 2.0]]])
    y, dx, _ = Bench(Selu(), shape=(4,)).step(x, np.full(x.shape, 5.0))
    low = SCALE * ALPHA * (np.exp(np.minimum(x, 0)) - 1)
    np.testing.assert_allclose(y, np.where(x > 0, SCALE * x, low), rtol=1e-14)
    np.testing.assert_allclose(dx, 5 * np.where(x > 0, SCALE, low + SCALE * ALPHA), rtol=1e-14, atol=1e-15)


def test_its_constants_fix_mean_zero_and_variance_one() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    # The corner at 0 is integrated to about the square of the nodes' distance.
    y = Bench(Selu(), shape=(200,)).forward(nodes[None, None])[0, 0]
    weights /= weights.sum()
    assert abs(weights @ y) < 2e-3
    assert abs(weights @ y**2 - 1) < 2e-3


def test_a_deep_network_normalizes_itself() -> None:
    rng = np.random.default_rng(0)
    x = 0.5 + 0.7 * rng.normal(size=(1, 500, 256))
    for _ in range(30):
        x = Bench(Selu(), shape=(256,)).forward(x @ rng.normal(0, 1 / 16, (256, 256)))
    assert abs(x.mean()) < 0.1
    assert abs(x.var() - 1) < 0.2
