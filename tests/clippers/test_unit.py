from __future__ import annotations

import numpy as np
import pytest
from engine.small import clip, store

from dltricks.clippers.unit import Unit
from dltricks.core.numeric import norms


def test_against_the_formula() -> None:
    made = store(("W", (4, 3), "kernel"), ("b", (3,), "bias"), replicas=2)
    clippers = (Unit(0.5), Unit(100.0))
    expected = made.g.copy()
    expected[0] /= np.sqrt(sum(x * x for x in expected[0]))
    clipped = clip(made, *clippers)
    np.testing.assert_allclose(made.g, expected, rtol=1e-14)
    assert clipped is not None
    assert clipped.tolist() == [True, False]


@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.0])
def test_whatever_the_threshold_a_clipped_gradient_has_length_one(threshold: float) -> None:
    made = store(("W", (4, 3), "kernel"))
    clip(made, Unit(threshold))
    assert norms(made.g)[0] == pytest.approx(1.0)
