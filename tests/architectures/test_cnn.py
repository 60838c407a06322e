from __future__ import annotations

import pytest
from architectures.chain import layers, names, parameters, shapes

from dltricks.architectures.cnn import Cnn
from dltricks.core.errors import UsageError

SMALL = [
    Cnn(["3x3x4 same", "pool", "1x2x8"]),
    Cnn(["2x2x4 stride 2 padding 1 dilation 1", "3x3x8 same depthwise", "average 2 stride 1", "global"], hidden=[4]),
]


def test_the_default_is_the_lessons_network() -> None:
    found = names((28, 28, 1), architecture="cnn", dropout="dropout")
    convolution = ["convolution", "relu", "max_pool"]
    assert found == [*convolution, *convolution, "flatten", "dropout", "linear"]
    assert shapes((28, 28, 1), "convolution", architecture="cnn") == [(26, 26, 32), (11, 11, 64)]
    assert shapes((28, 28, 1), "flatten", architecture="cnn") == [(1600,)]
    # The number that Keras prints for its example.
    assert parameters((28, 28, 1), architecture="cnn") == 34_826


def test_dropout_stands_before_each_linear_layer_and_spatial_behind_each_convolution() -> None:
    cnn = {"name": "cnn", "blocks": ["3x3x4", "3x3x4"], "hidden": [8]}
    values = names((8, 8, 1), architecture=cnn, dropout="dropout", normalization="batch")
    block = ["convolution", "batch", "relu"]
    assert values == [*block, *block, "flatten", "dropout", "linear", "batch", "relu", "dropout", "linear"]
    channels = names((8, 8, 1), architecture=cnn, dropout="spatial")
    block = ["convolution", "relu", "spatial"]
    assert channels == [*block, *block, "flatten", "linear", "relu", "linear"]


def test_what_acts_on_weights_sits_in_the_kernels_of_all_layers_but_the_last() -> None:
    parts = {"normalization": "weight", "dropout": "dropconnect", "architecture": {"name": "cnn", "hidden": [8]}}
    paths = [layer.path for layer in layers((28, 28, 1), **parts) if layer.name() in ("weight", "dropconnect")]
    assert [path.split(".")[1:] for path in paths] == [
        [layer, part] for layer in ("convolution", "convolution", "linear") for part in ("weight", "dropconnect")
    ]


def test_every_option_of_a_block_arrives() -> None:
    blocks = ["5x3x4 stride 2 padding 2", "3x3x8 same dilation 2 groups 2", "3x3x16 depthwise", "pool 3 stride 1 same"]
    cnn = {"name": "cnn", "blocks": [*blocks, "average 3 padding 1", "global"]}
    made = layers((12, 12, 2), architecture=cnn)
    first, second, third = (layer for layer in made if layer.name() == "convolution")
    assert (first.size, first.stride, first.padding, first.groups) == ((5, 3), 2, 2, 1)
    assert (second.padding, second.dilation, second.groups) == ("same", 2, 2)
    assert (third.padding, third.groups) == ("valid", 8)
    pool = next(layer for layer in made if layer.name() == "max_pool")
    average = next(layer for layer in made if layer.name() == "average_pool")
    assert (pool.size, pool.stride, pool.padding) == (3, 1, "same")
    assert (average.size, average.stride, average.padding) == (3, 3, 1)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("3x3", r"unknown block '3x3'; did you mean '3x3x32'\?"),
        ("", "unknown block ''"),
        ("pol", r"unknown block 'pol'; did you mean 'pool'\?"),
        ("0x3x4", "a kernel of nothing"),
        ("3x3x4 stride", "stride needs a whole number of at least 1 behind it, and found ''"),
        ("3x3x4 stride 0", "stride needs a whole number of at least 1 behind it, and found '0'"),
        ("3x3x4 stride 1.5", "found '1.5'"),
        ("3x3x4 strides 2", r"unknown option 'strides'; did you mean 'stride'\?"),
        ("3x3x4 same padding 1", "padding is given twice"),
        ("3x3x4 groups 3", "4 channels and 4 filters cannot both be split into 3 equal groups"),
        ("3x3x6 depthwise", "4 channels and 6 filters cannot both be split into 4 equal groups"),
        ("3x3x4 groups 2 depthwise", "leave one of the two out"),
        pytest.param(f"{'9' * 5000}x3x4", "unknown block", id="5000 digits"),
        ("pool 3 padding 3", "would look at nothing but padding through a window of 3 x 3"),
        ("pool 9", "a window of 9 x 9 does not fit into an image of 8 x 8"),
        ("pool dilation 2", "unknown option 'dilation'"),
        ("global 2", "takes no option '2'"),
    ],
)
def test_a_block_that_means_nothing_is_refused(block: str, message: str) -> None:
    with pytest.raises(UsageError, match=rf"^architecture\.blocks: block 2, '{block}': .*{message}"):
        names((8, 8, 1), architecture={"name": "cnn", "blocks": ["3x3x4 same", block]})


def test_images_that_the_default_leaves_nothing_of_are_refused() -> None:
    with pytest.raises(UsageError, match=r"blocks: block 4, 'pool': a window of 2 x 2 does not fit into .* 1 x 1"):
        names((8, 8, 1), architecture="cnn")


def test_nothing_follows_global() -> None:
    with pytest.raises(UsageError, match="block 2, 'pool': no images are left behind global"):
        names((8, 8, 1), architecture={"name": "cnn", "blocks": ["global", "pool"]})


def test_tables_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"^architecture: cnn takes images .* a row of 5 numbers; write architecture: mlp"
    ):
        names((5,), architecture="cnn")
