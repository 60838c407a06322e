from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli.shell import tree

import dltricks
from dltricks.core.errors import UsageError


def test_curve_and_suggestion(folder: Path) -> None:
    before = tree(folder)
    found = dltricks.lr_find("small.yaml")
    assert tree(folder) == before
    assert len(found.rates) == len(found.losses) == len(found.smoothed) <= 200
    assert found.rates[0] == pytest.approx(1e-6)
    assert found.suggestion in found.rates
    # Adam on this network learns at 1e-3 to 1e-1, not at 1e-6 and not at 10.
    assert 1e-4 < found.suggestion < 1


def test_the_suggestion_trains_better_than_the_ends(folder: Path) -> None:
    rate = dltricks.lr_find("small.yaml").suggestion
    losses = {
        lr: dltricks.train("small.yaml", optimizer={"name": "adam", "lr": lr})[0].metrics["train_loss"][-1]
        for lr in (1e-6, rate, 3.0)
    }
    assert min(losses, key=losses.__getitem__) == rate


def test_range_and_steps(folder: Path) -> None:
    found = dltricks.lr_find("small.yaml", low=1e-4, high=1e-3, steps=30)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-4, 1e-3, 30))


@pytest.mark.parametrize(
    "values",
    [
        {"schedule": "plateau"},
        {"schedule": {"name": "polynomial", "power": 0.9}, "epochs": 1},
        {"schedule": "one_cycle", "epochs": 1},
        {"schedule": {"name": "cosine", "warmup": 1}, "epochs": 1},
        {"optimizer": {"name": "adam", "lr": 7.0}},
        {"monitor": "layers"},
        {"epochs": 1},
    ],
    ids=str,
)
def test_neither_schedule_nor_rate_of_the_file_matters(folder: Path, values: dict[str, object]) -> None:
    plain, other = dltricks.lr_find("small.yaml"), dltricks.lr_find("small.yaml", **values)
    np.testing.assert_array_equal(plain.losses, other.losses)
    assert plain.suggestion == other.suggestion


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"low": 1.0, "high": 0.1}, "0 < low < high; found low 1, high 0.1"),
        ({"low": 0.0}, "found low 0"),
        ({"high": float("inf")}, "found .*high inf"),
        ({"low": float("nan")}, "found low nan"),
        ({"steps": 19}, "steps: found 19, allowed: a whole number from 20"),
        ({"batch_size": 1000}, "argument: batch_size: 1000 is more than"),
    ],
)
def test_ranges_that_are_none(folder: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        dltricks.lr_find("small.yaml", **arguments)
