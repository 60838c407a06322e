from __future__ import annotations

from typing import Any

import pytest
from architectures.chain import layers, multiplications, names, parameters, shapes

from dltricks.architectures.resnet import Resnet
from dltricks.core.errors import UsageError

SMALL = [
    Resnet(depth=8, width=4),
    Resnet(depth=8, width=4, skip=False),
    Resnet(depth=8, width=4, version="preactivation", stochastic_depth=0.5),
    Resnet(depth=8, width=4, shortcut="projection", stochastic_depth=0.3),
    Resnet(depth=8, width=4, version="preactivation", shortcut="projection"),
]
CIFAR = (32, 32, 3)


@pytest.mark.parametrize(("depth", "millions"), [(8, 0.08), (14, 0.17), (20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
@pytest.mark.parametrize("version", ["v1", "preactivation"])
@pytest.mark.parametrize("skip", [True, False])
def test_it_has_the_papers_parameters(depth: int, millions: float, version: str, skip: bool) -> None:
    resnet = {"name": "resnet", "depth": depth, "version": version, "skip": skip}
    found = parameters(CIFAR, architecture=resnet, normalization="batch")
    assert round(found / 1e6, 2) == millions


def test_the_exact_number_at_depth_20() -> None:
    assert parameters(CIFAR, architecture="resnet", normalization="batch") == 269_722


def test_it_takes_the_papers_multiplications() -> None:
    assert multiplications(CIFAR, architecture="resnet", normalization="batch") == pytest.approx(40.6, abs=0.1)


def test_there_are_as_many_layers_with_weights_as_the_depth_says() -> None:
    for depth in (8, 14, 20, 32, 44, 56):
        found = names(CIFAR, architecture={"name": "resnet", "depth": depth})
        assert found.count("convolution") + found.count("linear") == depth


def test_stages_halve_the_image_and_double_the_filters() -> None:
    found = shapes(CIFAR, "convolution", architecture={"name": "resnet", "depth": 8})
    assert found == [(32, 32, 16)] * 3 + [(16, 16, 32)] * 2 + [(8, 8, 64)] * 2


def orders(**fields: Any) -> list[str]:
    resnet = {"name": "resnet", "depth": 8, "width": 4, **fields}
    return names((8, 8, 1), architecture=resnet, normalization="batch", dropout="dropout")


def test_v1_activates_behind_the_addition() -> None:
    inside = ["convolution", "batch", "relu", "convolution", "batch"]
    block = ["residual", *inside, "relu"]
    shrinking = ["residual", *inside, "shrink", "relu"]
    end = ["global_average_pool", "dropout", "linear"]
    assert orders() == ["convolution", "batch", "relu", *block, *shrinking, *shrinking, *end]


def test_preactivation_leaves_the_path_of_the_shortcuts_alone() -> None:
    inside = ["batch", "relu", "convolution", "batch", "relu", "convolution"]
    block = ["residual", *inside]
    projecting = [*block, "convolution"]
    end = ["batch", "relu", "global_average_pool", "dropout", "linear"]
    found = orders(version="preactivation", shortcut="projection")
    assert found == ["convolution", *block, *projecting, *projecting, *end]


def test_without_skips_it_is_the_plain_network() -> None:
    inside = ["convolution", "batch", "relu"]
    assert orders(skip=False) == [*inside * 7, "global_average_pool", "dropout", "linear"]


def test_spatial_dropout_stands_between_the_two_convolutions_of_a_block() -> None:
    found = names((8, 8, 1), architecture={"name": "resnet", "depth": 8}, dropout="spatial")
    assert found[3:8] == ["residual", "convolution", "relu", "spatial", "convolution"]
    assert found.count("spatial") == 4  # and once behind the first convolution


def test_later_blocks_are_left_out_more_often() -> None:
    resnet = {"name": "resnet", "depth": 20, "stochastic_depth": 0.5}
    rates = [layer.rate for layer in layers(CIFAR, architecture=resnet) if layer.name() == "residual"]
    assert rates == pytest.approx([0.5 * number / 9 for number in range(1, 10)])


def test_stochastic_depth_is_refused_where_nothing_leads_around_a_block() -> None:
    plain = {"name": "resnet", "depth": 8, "skip": False, "stochastic_depth": 0.5}
    with pytest.raises(UsageError, match=r"^architecture\.stochastic_depth: .*; write stochastic_depth: 0"):
        layers(CIFAR, architecture=plain)


def test_a_projection_is_refused_where_no_shortcut_is() -> None:
    plain = {"name": "resnet", "depth": 8, "skip": False, "shortcut": "projection"}
    with pytest.raises(UsageError, match=r"^architecture\.shortcut: .*; leave it out, or write skip: true"):
        layers(CIFAR, architecture=plain)
