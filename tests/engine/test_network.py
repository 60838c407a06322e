from __future__ import annotations

import numpy as np
import pytest
from engine.small import recipe

from dltricks.engine.network import Network


def drawn(*seeds: int, **changes: object) -> Network:
    network = Network([recipe(seed, **changes) for seed in seeds], (8, 8, 1), 10)
    network.draw()
    return network


def test_parameters_are_views_of_the_store_named_by_their_place() -> None:
    network = drawn(0, 1)
    assert [p.path for p in network.store.parameters] == ["2.linear.W", "4.linear.W", "2.linear.b", "4.linear.b"]
    assert network.store.p.shape == (2, 64 * 16 + 16 * 10 + 16 + 10)
    network.store.p[...] = 7
    assert (network.layers[2].W == 7).all()
    assert network.output_shape == (10,)


def test_first_weights_follow_each_replicas_seed() -> None:
    together = drawn(3, 4)
    for k, seed in enumerate((3, 4)):
        assert drawn(seed).store.p.tobytes() == together.store.p[k].tobytes()
    assert (together.store.p[0] != together.store.p[1]).any()


def test_every_kernel_has_a_stream_of_its_own() -> None:
    network = drawn(0, architecture={"name": "mlp", "hidden": [64, 64]})
    kernels = [view for p, view in network.store.views(network.store.p) if p.shape == (64, 64)]
    assert len(kernels) == 2
    assert (kernels[0] != kernels[1]).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_have_the_dtype_of_the_run(dtype: str) -> None:
    network = drawn(0, dtype=dtype)
    x = np.ones((1, 5, 8, 8, 1), dtype)
    assert network.forward(x, training=True).dtype == np.dtype(dtype)


def test_buffers_hold_nothing_past_a_step() -> None:
    network = drawn(0, 1)
    rng = np.random.default_rng(0)
    first, second = (rng.normal(size=(2, b, 8, 8, 1)).astype(np.float32) for b in (6, 4))
    dz = rng.normal(size=(2, 6, 10)).astype(np.float32)

    def step(x: np.ndarray) -> bytes:
        z = network.forward(x, training=True).tobytes()
        network.backward(dz[:, : x.shape[1]].copy())
        return z + network.store.g.tobytes()

    expected = step(first)
    step(second)
    network.chain.poison()
    network.store.g[...] = np.nan
    assert step(first) == expected


def test_the_inputs_gradient_is_given_only_where_asked_for() -> None:
    x, dz = np.ones((1, 5, 8, 8, 1), np.float32), np.ones((1, 5, 10), np.float32)
    spared = drawn(0)
    spared.forward(x, training=True)
    assert spared.backward(dz.copy()) is None
    asked = Network([recipe()], (8, 8, 1), 10, input_gradient=True)
    asked.draw()
    asked.forward(x, training=True)
    dx = asked.backward(dz.copy())
    assert dx is not None
    assert dx.shape == x.shape
    assert spared.store.g.tobytes() == asked.store.g.tobytes()
