from __future__ import annotations

import pytest
from architectures.chain import layers, names, shapes

from dltricks.architectures.inception import Inception
from dltricks.core.errors import UsageError

SMALL = [Inception([1, 1], width=8, branches=["1x1", "5x5", "pool"]), Inception([1], width=16, branches=["3x3", "1x1"])]


def test_at_a_width_of_256_a_module_has_the_kernels_of_googlenets_first() -> None:
    inception = {"name": "inception", "stages": [1], "width": 256}
    convolutions = [layer for layer in layers((28, 28, 1), architecture=inception) if layer.name() == "convolution"]
    kernels = [layer.declarations[0].parameter.shape for layer in convolutions[1:]]
    assert kernels == [
        (1, 1, 256, 64),
        (1, 1, 256, 96),
        (3, 3, 96, 128),
        (1, 1, 256, 16),
        (5, 5, 16, 32),
        (1, 1, 256, 32),
    ]


def test_a_module_ends_in_its_width_and_each_stage_doubles_it_and_halves_the_image() -> None:
    inception = {"name": "inception", "stages": [2, 1, 1], "width": 20}
    found = shapes((28, 28, 1), "branches", architecture=inception)
    assert found == [(28, 28, 20), (28, 28, 20), (14, 14, 40), (7, 7, 80)]


@pytest.mark.parametrize("branch", ["1x1", "3x3", "5x5", "pool"])
def test_one_branch_gets_all_filters(branch: str) -> None:
    inception = {"name": "inception", "stages": [1], "width": 16, "branches": [branch]}
    assert shapes((8, 8, 1), "branches", architecture=inception) == [(8, 8, 16)]


def test_dropout_stands_before_the_linear_layer() -> None:
    inception = {"name": "inception", "stages": [1], "branches": ["1x1", "pool"]}
    found = names((8, 8, 1), architecture=inception, dropout="dropout")
    convolution = ["convolution", "relu"]
    end = ["global_average_pool", "dropout", "linear"]
    assert found == [*convolution, "branches", *convolution, "max_pool", *convolution, *end]


def test_what_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^architecture\.width: 4 filters cannot be shared by 4 branches; write 8"):
        names((8, 8, 1), architecture={"name": "inception", "width": 4})
    with pytest.raises(UsageError, match=r"^architecture\.branches: .* each branch once"):
        names((8, 8, 1), architecture={"name": "inception", "branches": ["1x1", "1x1"]})
