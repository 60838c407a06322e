from __future__ import annotations

import pytest
from architectures.chain import names, parameters, shapes

from dltricks.architectures.vgg import Vgg
from dltricks.core.errors import UsageError

SMALL = [Vgg([1, 2], width=4, hidden=[4])]


@pytest.mark.parametrize(
    ("stages", "millions"),
    [
        ([1, 1, 2, 2, 2], 132_863_336),
        ([2, 2, 2, 2, 2], 133_047_848),
        ([2, 2, 3, 3, 3], 138_357_544),
        ([2, 2, 4, 4, 4], 143_667_240),
    ],
)
def test_the_papers_networks_have_the_papers_parameters(stages: list[int], millions: int) -> None:
    vgg = {"name": "vgg", "stages": stages, "hidden": [4096, 4096]}
    assert parameters((224, 224, 3), 1000, architecture=vgg) == millions


def test_each_stage_doubles_the_filters_up_to_eight_times_and_halves_the_image() -> None:
    vgg = {"name": "vgg", "stages": [1, 1, 1, 1, 1], "width": 2}
    assert shapes((32, 32, 3), "max_pool", architecture=vgg) == [
        (16, 16, 2),
        (8, 8, 4),
        (4, 4, 8),
        (2, 2, 16),
        (1, 1, 16),
    ]


def test_its_layers() -> None:
    vgg = {"name": "vgg", "stages": [1, 2], "width": 4, "hidden": [4]}
    found = names((8, 8, 1), architecture=vgg, dropout="dropout", normalization="batch")
    block = ["convolution", "batch", "relu"]
    dense = ["flatten", "dropout", "linear", "batch", "relu", "dropout", "linear"]
    assert found == [*block, "max_pool", *block, *block, "max_pool", *dense]


def test_more_stages_than_the_image_can_be_halved_are_refused() -> None:
    vgg = {"name": "vgg", "stages": [1, 1, 1, 1]}
    with pytest.raises(UsageError, match=r"^architecture\.stages: .* 8x8 can be halved 3 times; found 4 stages"):
        names((8, 8, 1), architecture=vgg)
