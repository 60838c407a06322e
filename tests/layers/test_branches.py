from __future__ import annotations

import numpy as np
import pytest
from conformance.test_gradients import check_layer
from layers.bench import Bench, inputs

from dltricks.activations.tanh import Tanh
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain
from dltricks.layers.branches import Branches
from dltricks.layers.convolution import Convolution
from dltricks.layers.max_pool import MaxPool

IMAGE = (4, 3, 5)


def three() -> Branches:
    pooled = Chain([MaxPool(3, 1, "same"), Convolution(2, 1)])
    return Branches([Chain([Convolution(3, 1), Tanh()]), pooled, Chain()])


def test_outputs_lie_side_by_side() -> None:
    bench = Bench(three(), shape=IMAGE)
    x = inputs(1, 6, IMAGE)
    y = bench.forward(x)
    assert y.shape == (1, 6, 4, 3, 3 + 2 + 5)
    first, second, _ = bench.layer.branches
    alone = np.tanh(x @ first.layers[0].W[0, 0, 0] + first.layers[0].b[0])
    np.testing.assert_allclose(y[..., :3], alone, rtol=1e-12)
    np.testing.assert_array_equal(y[..., 3:5], second.layers[1].y)
    np.testing.assert_array_equal(y[..., 5:], x)


def test_gradients() -> None:
    check_layer(Bench(three(), three(), shape=IMAGE), IMAGE)


def test_gradients_that_come_in_shared_memory() -> None:
    # The layers behind and those inside the branches hand out gradients from the same workspace.
    layers = [
        Chain([Branches([Chain([Convolution(2, 3)]), Chain([Convolution(3, 1)])]), Convolution(4, 3)]) for _ in "ab"
    ]
    check_layer(Bench(*layers, shape=IMAGE), IMAGE)


def test_as_the_first_layer_it_passes_nothing_on() -> None:
    x, dy = inputs(1, 6, IMAGE), inputs(1, 6, (4, 3, 10), seed=1)
    _, _, expected = Bench(three(), shape=IMAGE).step(x, dy)
    bench = Bench(Chain([three()]), shape=IMAGE)
    bench.layer.stop_at_first()
    bench.forward(x)
    assert bench.layer.backward(dy.copy()) is None
    np.testing.assert_array_equal(bench.store.g, expected)


def test_vectors_side_by_side() -> None:
    bench = Bench(Branches([Chain([Tanh()]), Chain()]), shape=(12,))
    x = inputs(1, 6, (12,))
    np.testing.assert_allclose(bench.forward(x), np.concatenate([np.tanh(x), x], -1), rtol=1e-14)


def test_images_of_different_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="must agree in height and width"):
        Bench(Branches([Chain([MaxPool()]), Chain()]), shape=IMAGE)
