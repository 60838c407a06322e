from __future__ import annotations

import numpy as np
from engine.small import recipe, run

from dltricks.initializers.constant import Constant


def test_every_weight_is_the_value() -> None:
    W = Constant(-0.3).draw(np.random.default_rng(0), (3, 4), 3, 4)
    np.testing.assert_array_equal(W, np.full((3, 4), -0.3))


def test_the_units_of_a_layer_stay_equal() -> None:
    W = run(recipe(initializer="constant"))[0].weights["2.linear.W"]
    np.testing.assert_allclose(W, np.repeat(W[:, :1], 16, 1), rtol=1e-4, atol=1e-7)
    assert np.ptp(W) > 1e-3
