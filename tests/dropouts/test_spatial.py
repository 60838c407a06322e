from __future__ import annotations

import numpy as np
from layers.bench import Bench, inputs

from dltricks.dropouts.dropout import Dropout
from dltricks.dropouts.spatial import Spatial

IMAGE = (3, 2, 8)


def test_whole_channels_are_dropped_and_the_mean_stays() -> None:
    bench = Bench(Spatial(0.3), shape=IMAGE)
    y = bench.forward(np.ones((1, 5000, *IMAGE)))[0]
    kept = y[:, 0, 0] != 0
    np.testing.assert_array_equal(y, np.broadcast_to((kept * y.max())[:, None, None], y.shape))
    assert abs(kept.mean() - 0.7) < 0.02
    assert abs(y.mean() - 1) < 0.02
    assert np.unique(kept, axis=0).shape[0] > 100, "channels and samples are drawn apart"


def test_the_gradient_takes_the_same_channels() -> None:
    bench = Bench(Spatial(0.5), shape=IMAGE)
    x = np.ones((1, 50, *IMAGE))
    y, dx, _ = bench.step(x, x)
    np.testing.assert_array_equal(y, dx)


def test_evaluation_does_nothing() -> None:
    bench = Bench(Spatial(0.5), shape=IMAGE)
    bench.context.training = False
    x = inputs(1, 6, IMAGE)
    np.testing.assert_array_equal(bench.forward(x), x)


def test_of_vectors_it_is_dropout() -> None:
    x = inputs(1, 6, (12,))
    np.testing.assert_array_equal(Bench(Spatial(0.4)).forward(x), Bench(Dropout(0.4)).forward(x))
