from __future__ import annotations

from typing import Any

import pytest
from engine.small import recipe

from dltricks.architectures.mlp import Mlp
from dltricks.core.errors import UsageError
from dltricks.engine.network import Network

SMALL = [Mlp([6, 6]), Mlp([8, 8], residual=True)]


def paths(shape: tuple[int, ...] = (8, 8, 1), **parts: Any) -> list[str]:
    return [layer.path for layer in Network([recipe(**parts)], shape, 10).layers if layer.path]


def test_the_order_of_layers() -> None:
    parts = {"normalization": "batch", "dropout": "dropout", "architecture": {"name": "mlp", "hidden": [6, 5]}}
    first = ["1.flatten", "2.linear", "3.batch", "4.relu", "5.dropout"]
    assert paths(**parts) == [*first, "6.linear", "7.batch", "8.relu", "9.dropout", "10.linear"]


def test_vectors_are_not_flattened() -> None:
    assert paths((7,)) == ["1.linear", "2.relu", "3.linear"]


def test_what_acts_on_weights_sits_inside_the_hidden_layers() -> None:
    found = paths((7,), normalization="weight", dropout="dropconnect")
    assert found == ["1.linear", "1.linear.weight", "1.linear.dropconnect", "2.relu", "3.linear"]


def test_skips_go_around_blocks_of_equal_width() -> None:
    found = paths((7,), architecture={"name": "mlp", "hidden": [7, 5, 5], "residual": True})
    assert [path for path in found if path.endswith("residual")] == ["1.residual", "4.residual"]


def test_skips_that_would_skip_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match=r"no two neighbouring layers .* \[6, 5\] are equally wide"):
        paths(architecture={"name": "mlp", "hidden": [6, 5], "residual": True})
