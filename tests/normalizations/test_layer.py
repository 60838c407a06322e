from __future__ import annotations

import numpy as np
import pytest
from layers.bench import SHAPES, Bench, inputs

from dltricks.normalizations.layer import Layer


@pytest.mark.parametrize("shape", SHAPES)
def test_against_the_formula(shape: tuple[int, ...]) -> None:
    bench = Bench(Layer(eps=1e-3), shape=shape)
    x = 2 + inputs(1, 5, shape)
    axes = tuple(range(2, x.ndim))
    hat = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)
    np.testing.assert_allclose(bench.forward(x), bench.trick.gain * hat + bench.trick.bias, rtol=1e-12)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    bench = Bench(Layer(), shape=(12,))
    x = inputs(1, 6, (12,))
    together = bench.forward(x).copy()
    x[0, 1:] *= 100
    np.testing.assert_array_equal(bench.forward(x)[0, 0], together[0, 0])


def test_shifted_and_scaled_samples_come_out_the_same() -> None:
    bench = Bench(Layer(eps=1e-12), shape=(12,))
    x = inputs(1, 6, (12,))
    np.testing.assert_allclose(bench.forward(x).copy(), bench.forward(1000 + 50 * x), atol=1e-9)
