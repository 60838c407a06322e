from __future__ import annotations

import numpy as np
import pytest
from layers.bench import SHAPES, Bench, inputs

from dltricks.normalizations.rms import Rms


@pytest.mark.parametrize("shape", SHAPES)
def test_against_the_formula(shape: tuple[int, ...]) -> None:
    bench = Bench(Rms(eps=1e-3), shape=shape)
    x = 2 + inputs(1, 5, shape)
    hat = x / np.sqrt(np.square(x).mean(tuple(range(2, x.ndim)), keepdims=True) + 1e-3)
    np.testing.assert_allclose(bench.forward(x), bench.trick.gain * hat, rtol=1e-12)


def test_scale_is_taken_out_and_the_mean_is_not() -> None:
    bench = Bench(Rms(eps=1e-12), shape=(12,))
    x = inputs(1, 6, (12,))
    y = bench.forward(x).copy()
    np.testing.assert_allclose(bench.forward(50 * x), y, rtol=1e-9)
    assert np.abs(bench.forward(x + 3) - y).max() > 0.1
