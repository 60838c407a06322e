from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dltricks
from dltricks.core.errors import UsageError


@pytest.fixture
def study(folder: Path) -> Path:
    for rate in (0, 0.5):
        for seed in (0, 1):
            dltricks.train("small.yaml", dropout=rate, seed=seed)
    return folder


def labels(**options: str) -> list[tuple[float, int]]:
    return [(entry.config["dropout"]["rate"], entry.seed) for entry in dltricks.list(**options)]


def test_all_runs_by_path(study: Path) -> None:
    entries = dltricks.list()
    assert [entry.path for entry in entries] == sorted(entry.path for entry in entries)
    assert {entry.status for entry in entries} == {"finished"}
    run = dltricks.train("small.yaml", dropout=0.5, seed=1)[0]
    (entry,) = [entry for entry in entries if entry.path == run.path]
    assert entry.final == run.result["final"]
    for metric in entry.metrics:
        np.testing.assert_array_equal(entry.curve(metric), run.metrics[metric])
    assert entry.config == run.config
    assert len(entry.seconds) == entry.epochs == run.result["epochs"]


def test_a_condition_and_an_order(study: Path) -> None:
    assert sorted(labels(where="dropout<0.5 and seed=1")) == [(0, 1)]
    assert labels(where="dropout=0.5", sort="seed") == [(0.5, 0), (0.5, 1)]
    assert labels(where="dropout=0.5", sort="-seed") == [(0.5, 1), (0.5, 0)]
    assert labels(where="status=diverged", sort="-seed") == []
    assert [rate for rate, _ in labels(sort="-dropout")] == [0.5, 0.5, 0, 0]
    losses = [entry.final["val_loss"] for entry in dltricks.list(sort="val_loss") if entry.final]
    assert losses == sorted(losses)
    ages = [entry.modified for entry in dltricks.list(sort="age")]
    assert ages == sorted(ages, reverse=True)


def test_runs_that_lack_the_key_come_last(study: Path) -> None:
    first = dltricks.list()[0].path
    (first / "run.json").unlink()
    for sort in ("val_loss", "-val_loss"):
        assert dltricks.list(sort=sort)[-1].path == first


def test_mistakes(study: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'val_loss'"):
        dltricks.list(sort="val_los")
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        dltricks.list("nowhere")
    with pytest.raises(UsageError, match="holds no runs"):
        dltricks.list(".")
