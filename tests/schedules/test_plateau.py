from __future__ import annotations

import numpy as np
import pytest
from engine.small import digits, recipe, run

from dltricks.core.schedule import Progress
from dltricks.schedules.plateau import Plateau


def factors(schedule: Plateau, values: list[float]) -> list[float]:
    """The factor of the epoch after each value."""
    lines = [{schedule.monitor: value} for value in values]
    return [schedule.course(Progress(n, 20.0, lines[:n])) for n in range(1, len(lines) + 1)]


@pytest.mark.parametrize(
    ("values", "patience", "threshold", "drops"),
    [
        ([5, 4, 3, 2, 1], 1, 0.0, [0, 0, 0, 0, 0]),
        ([5, 5, 5, 5], 1, 0.0, [0, 1, 2, 3]),
        ([5, 6, 6, 6, 6, 4, 4], 2, 0.0, [0, 0, 1, 1, 2, 2, 2]),
        ([5, 6, 4, 6, 5, 3], 2, 0.0, [0, 0, 0, 0, 1, 1]),
        ([5, 4.9, 4.8, 4.7], 3, 0.5, [0, 0, 0, 1]),
    ],
)
def test_it_drops_after_patience(values: list[float], patience: int, threshold: float, drops: list[int]) -> None:
    schedule = Plateau(rate=0.5, patience=patience, threshold=threshold)
    assert factors(schedule, values) == [0.5**n for n in drops]
    mirrored = Plateau(monitor="val_accuracy", rate=0.5, patience=patience, threshold=threshold)
    assert factors(mirrored, [-value for value in values]) == [0.5**n for n in drops]


def test_before_the_first_epoch_it_is_one() -> None:
    assert Plateau().course(Progress(0.0, 20.0)) == 1.0


def test_in_training_the_rate_follows_the_metric() -> None:
    schedule = {"name": "plateau", "patience": 1, "rate": 0.5, "monitor": "val_loss"}
    history = run(recipe(epochs=12, schedule=schedule, optimizer={"name": "adam", "lr": 0.5}), data=digits())[0].history
    losses = [line["val_loss"] for line in history]
    best = np.minimum.accumulate(losses)
    expected, drops = [], 0
    for epoch in range(12):
        expected.append(0.5 * 0.5**drops)
        if epoch and losses[epoch] >= best[epoch - 1]:
            drops += 1
    assert [line["lr"] for line in history] == expected
    assert drops >= 2
