from __future__ import annotations

import numpy as np
from engine.small import recipe, run

from dltricks.initializers.zeros import Zeros


def test_every_weight_is_zero() -> None:
    W = Zeros().draw(np.random.default_rng(0), (3, 4), 3, 4)
    assert W.shape == (3, 4)
    assert not W.any()


def test_hidden_weights_never_move() -> None:
    outcome = run(recipe(initializer="zeros"))[0]
    assert not outcome.weights["2.linear.W"].any()
    assert outcome.weights["4.linear.b"].any()
