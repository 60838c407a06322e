"""Layers on images against PyTorch, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from layers.bench import Bench
from parity.test_layers import back, close, normal, tensor
from torch import nn

from dltricks.layers.average_pool import AveragePool
from dltricks.layers.convolution import Convolution
from dltricks.layers.max_pool import MaxPool

pytestmark = pytest.mark.parity

IMAGE = (9, 8, 6)
CONVOLUTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"kernel_size": 3, "padding": "same"}),
    ({"size": 1, "padding": "valid"}, {"kernel_size": 1}),
    ({"size": (2, 5)}, {"kernel_size": (2, 5), "padding": "same"}),
    ({"size": 4, "dilation": 2}, {"kernel_size": 4, "dilation": 2, "padding": "same"}),
    ({"stride": 2, "padding": 1}, {"kernel_size": 3, "stride": 2, "padding": 1}),
    ({"size": 1, "stride": 2, "padding": 0}, {"kernel_size": 1, "stride": 2}),
    ({"stride": (2, 1), "padding": (0, 2)}, {"kernel_size": 3, "stride": (2, 1), "padding": (0, 2)}),
    (
        {"size": (3, 2), "dilation": (2, 3), "padding": 3, "stride": 2},
        {"kernel_size": (3, 2), "dilation": (2, 3), "padding": 3, "stride": 2},
    ),
    ({"groups": 2}, {"kernel_size": 3, "groups": 2, "padding": "same"}),
    ({"groups": 3, "stride": 2, "padding": 1}, {"kernel_size": 3, "groups": 3, "stride": 2, "padding": 1}),
    ({"groups": 6}, {"kernel_size": 3, "groups": 6, "padding": "same"}),
    ({"groups": 6, "filters": 12, "bias": False}, {"kernel_size": 3, "groups": 6, "padding": "same", "bias": False}),
    ({"groups": 6, "stride": 2, "padding": 1}, {"kernel_size": 3, "groups": 6, "stride": 2, "padding": 1}),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("mine", "its"), CONVOLUTIONS, ids=str)
def test_convolution(mine: dict[str, Any], its: dict[str, Any]) -> None:
    layer = Convolution(**{"filters": 12 if mine.get("groups") != 6 else 6, **mine})
    bench = Bench(layer, shape=IMAGE)
    trick: Any = bench.layer
    module = nn.Conv2d(IMAGE[-1], layer.filters, **its).double()
    module.weight.data = torch.tensor(np.ascontiguousarray(trick.W[0].transpose(3, 2, 0, 1)))
    if module.bias is not None:
        module.bias.data = torch.tensor(trick.b[0].copy())
    x = normal(5, *IMAGE)
    dy = normal(*bench.outputs(x[None])[1:], seed=1)
    y, dx, _ = bench.step(x[None], dy[None])
    given = tensor(x)
    out = module(given)
    out.backward(tensor(dy).detach())
    close(y[0], back(out))
    assert given.grad is not None
    assert module.weight.grad is not None
    close(dx[0], back(given.grad))
    close(trick.dW[0], module.weight.grad.permute(2, 3, 1, 0))
    if module.bias is not None:
        close(trick.db[0], module.bias.grad)


POOLS: list[tuple[Any, Callable[[torch.Tensor], torch.Tensor]]] = [
    (MaxPool(), lambda x: nn.functional.max_pool2d(x, 2)),
    (MaxPool(3, 1, "same"), lambda x: nn.functional.max_pool2d(x, 3, 1, 1)),
    (MaxPool(3, 2, 1), lambda x: nn.functional.max_pool2d(x, 3, 2, 1)),
    (MaxPool((2, 3), (1, 2), (1, 0)), lambda x: nn.functional.max_pool2d(x, (2, 3), (1, 2), (1, 0))),
    (AveragePool(), lambda x: nn.functional.avg_pool2d(x, 2)),
    (AveragePool(3, 1, "same"), lambda x: nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
    (AveragePool(3, 2, 1), lambda x: nn.functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
]


@pytest.mark.parametrize(("pool", "function"), POOLS, ids=[str(pool) for pool, _ in POOLS])
@pytest.mark.parametrize("ties", [False, True])
def test_pool(pool: Any, function: Callable[[torch.Tensor], torch.Tensor], ties: bool) -> None:
    x = normal(5, *IMAGE)
    if ties:
        x = np.maximum(np.rint(x), 0)  # as behind relu, where most windows hold the same value several times
    bench = Bench(pool, shape=IMAGE)
    dy = normal(*bench.outputs(x[None])[1:], seed=1)
    y, dx, _ = bench.step(x[None], dy[None])
    given = tensor(x)
    out = function(given)
    out.backward(tensor(dy).detach())
    close(y[0], back(out))
    assert given.grad is not None
    close(dx[0], back(given.grad))
