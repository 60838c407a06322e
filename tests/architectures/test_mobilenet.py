from __future__ import annotations

import pytest
from architectures.chain import layers, multiplications, names, parameters, shapes

from dltricks.architectures.mobilenet import Mobilenet

SMALL = [Mobilenet([4, 8], stem=4), Mobilenet([8], stem=4, stride=2)]
PAPER = {
    "name": "mobilenet",
    "stem": 32,
    "stride": 2,
    "blocks": [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024],
}


def test_the_papers_network_has_the_papers_parameters() -> None:
    assert parameters((224, 224, 3), 1000, architecture=PAPER, normalization="batch") == 4_231_976


def test_the_papers_network_takes_the_papers_multiplications() -> None:
    found = multiplications((224, 224, 3), 1000, architecture=PAPER, normalization="batch")
    assert found == pytest.approx(569, abs=0.5)


def test_the_papers_network_halves_its_images_as_the_paper_does() -> None:
    sides = [height for height, _, _ in shapes((224, 224, 3), "convolution", architecture=PAPER)[::2]]
    assert sides == [112, 112, 56, 56, 28, 28, 14, 14, 14, 14, 14, 14, 7, 7]


def test_every_other_convolution_is_depthwise() -> None:
    convolutions = [layer for layer in layers((8, 8, 1), architecture="mobilenet") if layer.name() == "convolution"]
    for depthwise, pointwise in zip(convolutions[1::2], convolutions[2::2], strict=True):
        assert depthwise.groups == depthwise.filters == depthwise.in_shape[-1]
        assert (pointwise.size, pointwise.groups) == (1, 1)


def test_its_layers() -> None:
    mobilenet = {"name": "mobilenet", "blocks": [4]}
    block = ["convolution", "batch", "relu"]
    end = ["global_average_pool", "dropout", "linear"]
    assert names((8, 8, 1), architecture=mobilenet, dropout="dropout", normalization="batch") == [*block * 3, *end]
