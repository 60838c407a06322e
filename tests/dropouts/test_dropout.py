from __future__ import annotations

import numpy as np
import pytest
from layers.bench import SHAPES, Bench, inputs

from dltricks.dropouts.dropout import Dropout


def test_what_is_left_is_divided_by_its_share() -> None:
    bench = Bench(Dropout(0.25), shape=(12,))
    x = inputs(1, 400, (12,))
    y, dx, _ = bench.step(x, np.ones(x.shape))
    kept = y != 0
    # A quarter is a multiple of 1/65536, so the rate is what was asked for.
    np.testing.assert_array_equal(y, np.where(kept, x * (1 / 0.75), 0))
    np.testing.assert_array_equal(dx, np.where(kept, 1 / 0.75, 0))
    assert abs(kept.mean() - 0.75) < 0.02


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_mean_is_kept(rate: float, shape: tuple[int, ...]) -> None:
    bench = Bench(Dropout(rate), shape=shape)
    x = np.ones((1, 1000, *shape))
    total = 0.0
    for step in range(20):
        bench.context.step = step
        total += bench.forward(x).mean() / 20
    deviation = np.sqrt(rate / (1 - rate) / (20 * x.size))
    assert abs(total - 1) < 4 * deviation


def test_a_rate_of_zero_changes_no_bit() -> None:
    bench = Bench(Dropout(0.0), shape=(12,), dtype="float32")
    x = inputs(1, 50, (12,), "float32")
    y, dx, _ = bench.step(x, x)
    assert y.tobytes() == dx.tobytes() == x.tobytes()


def test_a_rate_near_one_leaves_something() -> None:
    bench = Bench(Dropout(1 - 1e-9), shape=(12,))
    assert np.isfinite(bench.forward(np.ones((1, 2000, 12)))).all()
    assert bench.trick.c_scale.max() == 65536


def test_evaluation_hands_on_the_very_array() -> None:
    bench = Bench(Dropout(0.5), shape=(12,))
    bench.context.training = False
    x = inputs(1, 5, (12,))
    assert bench.forward(x) is x


def test_each_replica_has_its_own_rate_and_mask() -> None:
    bench = Bench(Dropout(0.0), Dropout(0.5), Dropout(0.5), shape=(12,))
    y = bench.forward(np.ones((3, 500, 12)))
    assert (y[0] == 1).all()
    assert abs((y[1] == 0).mean() - 0.5) < 0.03
    assert (y[1] != y[2]).any()
