from __future__ import annotations

import numpy as np
import pytest
from layers.bench import SHAPES, Bench, inputs

from dltricks.core.errors import UsageError
from dltricks.normalizations.group import Group
from dltricks.normalizations.instance import Instance
from dltricks.normalizations.layer import Layer


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_against_the_formula(shape: tuple[int, ...], groups: int) -> None:
    bench = Bench(Group(groups, eps=1e-3), shape=shape)
    x = 2 + inputs(1, 5, shape)
    split = x.reshape(*x.shape[:-1], groups, -1)
    axes = (*range(2, split.ndim - 2), split.ndim - 1)
    hat = (split - split.mean(axes, keepdims=True)) / np.sqrt(split.var(axes, keepdims=True) + 1e-3)
    np.testing.assert_allclose(bench.forward(x), bench.trick.gain * hat.reshape(x.shape) + bench.trick.bias, rtol=1e-12)


def test_its_extremes_are_layer_and_instance_normalization() -> None:
    shape = SHAPES[1]
    x, dy = inputs(1, 5, shape), inputs(1, 5, shape, seed=1)
    for groups, other in ((1, Layer()), (8, Instance())):
        mine, its = Bench(Group(groups), shape=shape).step(x, dy), Bench(other, shape=shape).step(x, dy)
        for a, b in zip(mine, its, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_groups_that_do_not_divide_are_refused_with_the_nearest_that_do() -> None:
    with pytest.raises(UsageError, match=r"normalization\.groups: .* 12 channels, .* into 5 equal groups; .* is 4"):
        Bench(Group(5), shape=(12,))
