from __future__ import annotations

import numpy as np
import pytest
from losses.bench import apply, batch

from dltricks.losses.cross_entropy import CrossEntropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_against_the_formula(smoothing: float) -> None:
    z, target = batch()
    value, dz = apply(CrossEntropy(smoothing), z, target)
    q = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    t = (1 - smoothing) * target + smoothing / z.shape[1]
    np.testing.assert_allclose(value, -(t * np.log(q)).sum(-1), rtol=1e-12)
    np.testing.assert_allclose(dz, (q - t) / len(z), rtol=1e-12, atol=1e-15)


def test_large_outputs_do_not_overflow() -> None:
    z = np.array([[1e4, 0.0, -1e4]])
    value, dz = apply(CrossEntropy(), z, np.array([[0.0, 1.0, 0.0]]))
    assert value == [1e4]
    np.testing.assert_array_equal(dz, [[1, -1, 0]])


def test_smoothing_punishes_certainty() -> None:
    target = np.array([[1.0, 0.0]])
    sure, modest = np.array([[20.0, 0.0]]), np.array([[3.0, 0.0]])
    assert apply(CrossEntropy(), sure, target)[0] < apply(CrossEntropy(), modest, target)[0]
    assert apply(CrossEntropy(0.1), sure, target)[0] > apply(CrossEntropy(0.1), modest, target)[0]
