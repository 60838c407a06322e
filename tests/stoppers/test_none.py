from __future__ import annotations

from engine.small import recipe, run

from dltricks.stoppers.none import None_


def test_training_runs_for_all_its_epochs() -> None:
    worse = [{"val_loss": float(epoch)} for epoch in range(100)]
    assert not None_().stop(worse, "val_loss")
    outcome = run(recipe(epochs=4, optimizer={"name": "adam", "lr": 1.0}))[0]
    assert len(outcome.history) == 4
