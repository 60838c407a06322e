from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltricks.api.expectations import missed
from dltricks.api.session import Run


def a_run(expect: dict[str, str], restore_best: bool = False, test: dict[str, float] | None = None) -> Run:
    result: dict[str, Any] = {
        "status": "finished",
        "best": {"epoch": 1, "val_accuracy": 0.9, "train_loss": 0.5},
        "final": {"epoch": 2, "val_accuracy": 0.8, "train_loss": 0.25},
        "test": test,
    }
    config = {"expect": expect, "early_stopping": {"name": "x", "restore_best": restore_best}}
    return Run(Path("runs/a"), config, result, [])


@pytest.mark.parametrize(
    ("expect", "restore_best", "sentences"),
    [
        ({}, False, []),
        ({"val_accuracy": ">= 0.8"}, False, []),
        ({"val_accuracy": "> 0.8"}, False, ["runs/a: expected val_accuracy > 0.8, found 0.8"]),
        ({"val_accuracy": "> 0.8"}, True, []),
        ({"train_loss": "<= 0.3"}, False, []),
        ({"train_loss": "<= 0.3"}, True, ["runs/a: expected train_loss <= 0.3, found 0.5"]),
        (
            {"val_accuracy": ">= 1", "train_loss": "< 0"},
            False,
            ["runs/a: expected val_accuracy >= 1, found 0.8", "runs/a: expected train_loss < 0, found 0.25"],
        ),
        ({"test_loss": "< 1"}, False, ["runs/a: expected test_loss < 1, but the run has no test_loss"]),
    ],
)
def test_missed(expect: dict[str, str], restore_best: bool, sentences: list[str]) -> None:
    assert missed(a_run(expect, restore_best)) == sentences


def test_test_metrics_are_those_of_the_stored_weights() -> None:
    assert missed(a_run({"test_accuracy": ">= 0.7"}, test={"test_accuracy": 0.75})) == []
    assert missed(a_run({"test_accuracy": ">= 0.7"}, test={"test_accuracy": 0.6})) == [
        "runs/a: expected test_accuracy >= 0.7, found 0.6"
    ]
