from __future__ import annotations

import numpy as np
import pytest
from conformance.test_gradients import check_layer
from layers.bench import Bench, inputs

from dltricks.activations.tanh import Tanh
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain
from dltricks.layers.convolution import Convolution
from dltricks.layers.linear import Linear
from dltricks.layers.residual import Residual


def block() -> Residual:
    return Residual(Chain([Linear(12), Tanh()]))


def test_against_the_formula() -> None:
    bench = Bench(block())
    x, dy = inputs(1, 7, (12,)), inputs(1, 7, (12,), seed=1)
    y, dx, _ = bench.step(x, dy)
    linear = bench.layer.body.layers[0]
    inner = np.tanh(x[0] @ linear.W[0] + linear.b[0])
    np.testing.assert_allclose(y[0], x[0] + inner, rtol=1e-12)
    np.testing.assert_allclose(dx[0], dy[0] + (dy[0] * (1 - inner**2)) @ linear.W[0].T, rtol=1e-11)


def test_a_body_of_zeros_is_the_identity() -> None:
    bench = Bench(block())
    bench.store.p[...] = 0
    x = inputs(1, 7, (12,))
    y, dx, _ = bench.step(x, x)
    assert y.tobytes() == dx.tobytes() == x.tobytes()


def test_gradients_reach_the_input_of_a_deep_stack() -> None:
    bench = Bench(Chain([block() for _ in range(50)]))
    bench.store.p *= 1e-3
    dy = np.ones((1, 7, 12))
    _, dx, _ = bench.step(inputs(1, 7, (12,)), dy)
    assert 0.5 < np.linalg.norm(dx) / np.linalg.norm(dy) < 2


def test_a_body_that_changes_the_width_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\(12,\) became \(5,\)"):
        Bench(Residual(Chain([Linear(5)])))


def projected() -> Residual:
    return Residual(Chain([Convolution(4, stride=2), Tanh()]), Chain([Convolution(4, 1, 2)]))


def test_a_projection_on_the_shortcut() -> None:
    bench = Bench(projected(), projected(), shape=(5, 4, 2))
    check_layer(bench, (5, 4, 2))
    layer = bench.layer
    np.testing.assert_array_equal(layer.y, layer.body.layers[1].y + layer.shortcut.layers[0].y)


def test_a_shortcut_of_another_shape_is_refused() -> None:
    with pytest.raises(UsageError, match=r"must keep the shape that its shortcut gives, \(3, 2, 5\)"):
        Bench(Residual(Chain([Convolution(4, stride=2)]), Chain([Convolution(5, 1, 2)])), shape=(5, 4, 2))


def test_with_a_rate_whole_samples_of_the_body_are_left_out() -> None:
    bench = Bench(Residual(rate=0.5), shape=(12,))
    x = np.ones((1, 50, 12))
    y, dx, _ = bench.step(x, x)
    assert set(np.unique(y)) == {1.0, 3.0}
    assert (y == y[..., :1]).all()
    np.testing.assert_array_equal(dx, y)
    bench.context.training = False
    assert set(np.unique(bench.forward(x))) == {2.0}


def test_rates_are_each_replicas_own() -> None:
    bench = Bench(Residual(rate=0.0), Residual(rate=0.5), shape=(12,))
    y = bench.forward(np.ones((2, 50, 12)))
    assert set(np.unique(y[0])) == {2.0}
    assert set(np.unique(y[1])) == {1.0, 3.0}
