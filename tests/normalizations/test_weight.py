from __future__ import annotations

import numpy as np
import pytest
from engine.small import recipe, run
from layers.bench import Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.engine.network import Network
from dltricks.layers.linear import Linear
from dltricks.normalizations.weight import Weight


def test_against_the_formula() -> None:
    bench = Bench(Weight())
    x = inputs(1, 4, (12,))
    v = bench.layer.W[0]
    W = bench.trick.gain[0] * v / np.linalg.norm(v, axis=0)
    np.testing.assert_allclose(bench.forward(x)[0], x[0] @ W + bench.layer.b[0], rtol=1e-12)


def test_the_length_of_each_column_is_its_gain() -> None:
    bench = Bench(Weight())
    bench.trick.gain[...] = [[1, 2, 3, 4, 5]]
    bench.forward(inputs(1, 4, (12,)))
    np.testing.assert_allclose(np.linalg.norm(bench.trick.W[0], axis=0), [1, 2, 3, 4, 5], rtol=1e-12)


def test_at_the_start_the_weights_are_those_of_the_initializer() -> None:
    network = Network([recipe(seed, normalization="weight", dtype="float64") for seed in (0, 1)], (8, 8, 1), 10)
    network.draw()
    network.forward(np.ones((2, 4, 8, 8, 1)), training=True)
    linear = next(layer for layer in network.layers if isinstance(layer, Linear))
    np.testing.assert_allclose(linear.transforms[0].W, linear.W, rtol=1e-12)
    assert np.any(linear.W)


def test_the_gradient_is_across_the_direction() -> None:
    bench = Bench(Weight())
    x = inputs(1, 4, (12,))
    bench.step(x, inputs(1, 4, (5,), seed=1))
    along = (bench.layer.dW * bench.layer.W).sum(1)
    np.testing.assert_allclose(along, 0, atol=1e-12)
    assert np.abs(bench.layer.dW).max() > 0.1


def test_columns_of_zero_are_refused() -> None:
    with pytest.raises(UsageError, match="the initializer made it zero"):
        run(recipe(normalization="weight", initializer="zeros"))
