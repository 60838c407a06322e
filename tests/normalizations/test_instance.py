from __future__ import annotations

import numpy as np
import pytest
from layers.bench import SHAPES, Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.normalizations.instance import Instance


def test_against_the_formula() -> None:
    bench = Bench(Instance(eps=1e-3), shape=SHAPES[1])
    x = 2 + inputs(1, 5, SHAPES[1])
    hat = (x - x.mean((2, 3), keepdims=True)) / np.sqrt(x.var((2, 3), keepdims=True) + 1e-3)
    np.testing.assert_allclose(bench.forward(x), bench.trick.gain * hat + bench.trick.bias, rtol=1e-12)


def test_contrast_and_brightness_are_taken_out() -> None:
    bench = Bench(Instance(eps=1e-12), shape=SHAPES[1])
    x = inputs(1, 5, SHAPES[1])
    y = bench.forward(x).copy()
    contrast = np.random.default_rng(1).uniform(0.1, 10, (1, 5, 1, 1, 8))
    np.testing.assert_allclose(bench.forward(3 + contrast * x), y, rtol=1e-6)


def test_vectors_are_refused() -> None:
    with pytest.raises(UsageError, match=r"needs images .* not vectors of 12 values; use layer or group"):
        Bench(Instance(), shape=(12,))


def test_single_pixels_are_refused() -> None:
    with pytest.raises(UsageError, match="single pixel"):
        Bench(Instance(), shape=(1, 1, 8))
