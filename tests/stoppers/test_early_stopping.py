from __future__ import annotations

import numpy as np
import pytest
from engine.small import recipe, run

from dltricks.core.stopper import higher_is_better, improves
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer
from dltricks.stoppers.early_stopping import EarlyStopping


def stops_after(values: list[float], stopper: EarlyStopping) -> int | None:
    """The epoch, counted from 1, after which training ends."""
    lines = [{stopper.monitor: value} for value in values]
    for epoch in range(1, len(lines) + 1):
        if stopper.stop(lines[:epoch], stopper.watched("val_accuracy")):
            return epoch
    return None


@pytest.mark.parametrize(
    ("values", "patience", "min_delta", "expected"),
    [
        ([5, 4, 3, 2, 1], 1, 0.0, None),
        ([5, 4, 4, 3, 2], 1, 0.0, 3),
        ([5, 4, 4, 3, 3, 3], 2, 0.0, 6),
        ([5, 6, 7, 8, 1], 3, 0.0, 4),
        ([5, 6, 7, 4, 6, 7, 8], 3, 0.0, 7),
        ([5, 4.6, 4.2, 3.8, 3.4], 2, 0.5, None),
        ([5, 4.9, 4.8, 4.7, 4.6], 2, 0.5, 3),
        ([5], 1, 0.0, None),
    ],
)
def test_it_stops_at_the_right_epoch(
    values: list[float], patience: int, min_delta: float, expected: int | None
) -> None:
    stopper = EarlyStopping(patience=patience, min_delta=min_delta)
    assert stops_after(values, stopper) == expected
    mirrored = EarlyStopping(monitor="val_accuracy", patience=patience, min_delta=min_delta)
    assert stops_after([-value for value in values], mirrored) == expected


def test_accuracies_rise_and_everything_else_falls() -> None:
    assert higher_is_better("val_accuracy")
    assert not any(map(higher_is_better, ("val_loss", "train_loss", "val_rmse", "grad_norm", "lr")))
    assert improves("val_loss", 1.0, 2.0)
    assert not improves("val_loss", 1.0, 2.0, min_delta=1.0)
    assert improves("val_accuracy", 0.8, 0.7)
    assert not improves("val_accuracy", 0.7, 0.7)


class Ends(Hook):
    def __init__(self) -> None:
        self.weights: list[dict[str, np.ndarray]] = []

    def on_epoch_end(self, run: Trainer) -> None:
        self.weights.append(run.weights(0))


@pytest.mark.parametrize("restore", [True, False])
def test_a_run_stops_in_time_and_has_the_best_weights(restore: bool) -> None:
    hook = Ends()
    stopping = {"name": "early_stopping", "patience": 3, "restore_best": restore}
    outcome = run(recipe(epochs=60, early_stopping=stopping, optimizer={"name": "adam", "lr": 0.05}), hooks=(hook,))
    found = outcome[0]
    losses = [line["val_loss"] for line in found.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 60
    assert found.best == found.history[best]
    expected = hook.weights[best if restore else -1]
    assert all((found.weights[path] == array).all() for path, array in expected.items())
    assert any((hook.weights[best][path] != hook.weights[-1][path]).any() for path in expected)
