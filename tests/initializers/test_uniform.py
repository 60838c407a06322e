from __future__ import annotations

import numpy as np

from dltricks.initializers.uniform import Uniform


def test_values_fill_the_interval() -> None:
    W = Uniform(0.2).draw(np.random.default_rng(0), (400, 900), 400, 900)
    assert -0.2 <= W.min() < -0.1999
    assert 0.1999 < W.max() <= 0.2
    assert abs(W.std() / (0.2 / np.sqrt(3)) - 1) < 0.01


def test_the_width_does_not_matter() -> None:
    narrow, wide = (Uniform().draw(np.random.default_rng(0), (n, 1000), n, 1000).std() for n in (10, 1000))
    assert abs(narrow / wide - 1) < 0.02
