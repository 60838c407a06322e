from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltricks.api.expectations import missed
from dltricks.api.session import Run
from dltricks.experiment.settings import Comparison


def sentences(
    monkeypatch: pytest.MonkeyPatch,
    expect: dict[str, str],
    restore_best: bool = False,
    test: dict[str, float] | None = None,
) -> list[str]:
    result: dict[str, Any] = {
        "status": "finished",
        "best": {"epoch": 1, "val_accuracy": 0.9, "train_loss": 0.5},
        "final": {"epoch": 2, "val_accuracy": 0.8, "train_loss": 0.25},
        "test": test,
    }
    monkeypatch.setattr(Run, "config", {"early_stopping": {"name": "x", "restore_best": restore_best}})
    comparisons = {metric: Comparison.parse(text) for metric, text in expect.items()}
    return missed(Run(Path("runs/a"), result), {metric: found for metric, found in comparisons.items() if found})


@pytest.mark.parametrize(
    ("expect", "restore_best", "expected"),
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
            ["runs/a: expected val_accuracy >= 1.0, found 0.8", "runs/a: expected train_loss < 0.0, found 0.25"],
        ),
        ({"test_loss": "< 1"}, False, ["runs/a: expected test_loss < 1.0, but the run has no test_loss"]),
    ],
)
def test_missed(
    monkeypatch: pytest.MonkeyPatch, expect: dict[str, str], restore_best: bool, expected: list[str]
) -> None:
    assert sorted(sentences(monkeypatch, expect, restore_best)) == sorted(expected)


def test_test_metrics_are_those_of_the_stored_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    expect = {"test_accuracy": ">= 0.7"}
    assert sentences(monkeypatch, expect, test={"test_accuracy": 0.75}) == []
    assert sentences(monkeypatch, expect, test={"test_accuracy": 0.6}) == [
        "runs/a: expected test_accuracy >= 0.7, found 0.6"
    ]
