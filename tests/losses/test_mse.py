from __future__ import annotations

import numpy as np
from losses.bench import apply, batch

from dltricks.losses.mse import Mse


def test_against_the_formula() -> None:
    z, target = batch()
    value, dz = apply(Mse(), z, target)
    np.testing.assert_allclose(value, ((z - target) ** 2).mean(-1), rtol=1e-13)
    np.testing.assert_allclose(dz, 2 * (z - target) / z.size, rtol=1e-13)


def test_class_shares_are_the_nearest_to_the_outputs() -> None:
    z, _ = batch(samples=20)
    shares = Mse().probabilities(z)
    others = np.random.default_rng(1).dirichlet(np.ones(4), (20, 2000))
    assert (((z - shares) ** 2).sum(-1, keepdims=True) <= ((z[:, None] - others) ** 2).sum(-1) + 1e-12).all()


def test_outputs_that_are_shares_stay_as_they_are() -> None:
    shares = np.random.default_rng(1).dirichlet(np.ones(5), 10)
    np.testing.assert_allclose(Mse().probabilities(shares), shares, rtol=1e-12, atol=1e-15)
