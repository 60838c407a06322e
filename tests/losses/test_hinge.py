from __future__ import annotations

import numpy as np
import pytest
from losses.bench import apply, batch

from dltricks.losses.hinge import Hinge


@pytest.mark.parametrize("margin", [0.5, 1.0, 3.0])
def test_against_the_formula(margin: float) -> None:
    z, target = batch()
    value, dz = apply(Hinge(margin), z, target)
    expected, slopes = np.zeros(len(z)), np.zeros_like(z)
    for b, y in enumerate(target.argmax(-1)):
        for c in range(z.shape[1]):
            violation = margin - z[b, y] + z[b, c]
            if c != y and violation > 0:
                expected[b] += violation / z.shape[1]
                slopes[b, c] += 1 / z.size
                slopes[b, y] -= 1 / z.size
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(dz, slopes, rtol=1e-13, atol=1e-16)


def test_a_win_by_the_margin_costs_nothing() -> None:
    z = np.array([[5.0, 3.9, -2.0], [1.0, 0.5, 0.0]])
    value, dz = apply(Hinge(), z, np.array([[1.0, 0, 0], [1, 0, 0]]))
    assert value[0] == 0
    assert not dz[0].any()
    assert value[1] > 0
