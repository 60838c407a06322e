from __future__ import annotations

import pytest
from architectures.chain import names, parameters, shapes

from dltricks.architectures.lenet import Lenet
from dltricks.core.errors import UsageError

SMALL = [Lenet(), Lenet("max")]


@pytest.mark.parametrize("side", [28, 32])
def test_it_has_the_papers_parameters(side: int) -> None:
    assert parameters((side, side, 1), architecture="lenet") == 61_706


def test_its_layers() -> None:
    block = ["convolution", "tanh", "average_pool"]
    dense = ["dropout", "linear", "tanh"]
    found = names((32, 32, 3), architecture="lenet", activation="tanh", dropout="dropout")
    assert found == [*block, *block, "flatten", *dense, *dense, "dropout", "linear"]
    assert shapes((28, 28, 1), "convolution", architecture="lenet") == [(28, 28, 6), (10, 10, 16)]
    assert shapes((32, 32, 3), "convolution", architecture="lenet") == [(28, 28, 6), (10, 10, 16)]


def test_pooling_takes_the_largest_if_asked() -> None:
    found = names((28, 28, 1), architecture={"name": "lenet", "pooling": "max"})
    assert found.count("max_pool") == 2
    assert "average_pool" not in found


def test_images_that_are_too_small_are_refused() -> None:
    assert parameters((12, 12, 1), architecture="lenet") > 0
    with pytest.raises(UsageError, match=r"^architecture: nothing is left of images of 8x8 .* need 12x12"):
        names((8, 8, 1), architecture="lenet")
