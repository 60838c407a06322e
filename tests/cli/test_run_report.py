from __future__ import annotations

from pathlib import Path

import pytest

from dltricks.api.session import Run
from dltricks.cli.run_report import divergence


@pytest.mark.parametrize(
    ("layer", "advised"), [("1.linear", True), ("input", False), ("validation", False), ("test", False)]
)
def test_advice_on_divergence_where_training_is_to_blame(layer: str, advised: bool) -> None:
    result = {"failure": {"epoch": 1, "step": 2, "layer": layer, "what": "loss"}}
    sentence = divergence(Run(Path("run"), result))
    assert f"{layer}" in sentence
    assert ("lower learning rate" in sentence) == advised
