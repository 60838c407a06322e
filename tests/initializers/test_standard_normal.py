from __future__ import annotations

import numpy as np

from dltricks.initializers.standard_normal import StandardNormal


def test_the_deviation_of_outputs_grows_with_the_root_of_the_width() -> None:
    rng = np.random.default_rng(0)
    for n in (16, 64, 256, 1024):
        y = rng.normal(size=(500, n)) @ StandardNormal().draw(rng, (n, 300), n, 300)
        assert abs(y.std() / np.sqrt(n) - 1) < 0.05


def test_depth_blows_the_signal_up() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 100))
    for _ in range(10):
        x = x @ StandardNormal().draw(rng, (100, 100), 100, 100)
    assert 0.2e10 < x.std() < 5e10
