from __future__ import annotations

import numpy as np
from layers.bench import Bench, inputs

from dltricks.core.layer import Chain
from dltricks.layers.residual import Residual
from dltricks.layers.stochastic_depth import StochasticDepth

IMAGE = (3, 2, 8)


def test_whole_samples_are_dropped_and_the_mean_stays() -> None:
    bench = Bench(StochasticDepth(0.3), shape=IMAGE)
    x = np.ones((1, 20_000, *IMAGE))
    y = bench.forward(x)
    kept = y[0, :, 0, 0, 0] != 0
    assert (y[0, kept] == y[0, kept].flat[0]).all()
    assert (y[0, ~kept] == 0).all()
    assert abs(kept.mean() - 0.7) < 0.02
    assert abs(y.mean() - 1) < 0.02


def test_the_gradient_takes_the_same_samples() -> None:
    bench = Bench(StochasticDepth(0.5), shape=IMAGE)
    x = np.ones((1, 50, *IMAGE))
    y, dx, _ = bench.step(x, x)
    np.testing.assert_array_equal(y, dx)
    assert 0 < np.count_nonzero(y) < y.size


def test_evaluation_does_nothing() -> None:
    bench = Bench(StochasticDepth(0.5), shape=IMAGE)
    bench.context.training = False
    x = inputs(1, 6, IMAGE)
    np.testing.assert_array_equal(bench.forward(x), x)


def test_other_steps_and_replicas_draw_other_samples() -> None:
    bench = Bench(StochasticDepth(0.5), StochasticDepth(0.5), shape=IMAGE)
    x = np.ones((2, 50, *IMAGE))
    first = bench.forward(x).copy()
    bench.context.step += 1
    second = bench.forward(x).copy()
    assert (first != second).any()
    assert (first[0] != first[1]).any()
    bench.context.step -= 1
    np.testing.assert_array_equal(bench.forward(x), first)


def test_a_dropped_block_leaves_the_shortcut() -> None:
    bench = Bench(Residual(Chain([StochasticDepth(0.5)])), shape=IMAGE)
    x = np.ones((1, 50, *IMAGE))
    assert set(np.unique(bench.forward(x))) == {1.0, 3.0}
