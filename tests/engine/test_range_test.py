from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine.small import digits, recipe, table

from dltricks.core.dataset import Data
from dltricks.engine.hooks import Hook
from dltricks.engine.loop import train
from dltricks.engine.range_test import BLOWN_UP, range_test, smooth, suggestion
from dltricks.engine.trainer import Trainer


def trainer(data: Data | None = None, **changes: Any) -> Trainer:
    data = data or digits()
    return Trainer([recipe(**changes)], [data])


def test_rates_grow_geometrically() -> None:
    rates, losses = range_test(trainer(), 1e-5, 1e-3, 21)
    np.testing.assert_allclose(rates, np.geomspace(1e-5, 1e-3, 21))
    assert losses.shape == (21,)
    assert losses.dtype == np.float64


def test_the_steps_are_those_of_training() -> None:
    """At a rate that hardly grows, the losses are those of an epoch of plain SGD at that rate."""
    run = trainer(optimizer={"name": "sgd", "lr": 0.1}, batch_size=20, epochs=1)
    expected = []

    class Collect(Hook):
        def on_step_end(self, run: Trainer) -> None:
            expected.append(run.so_far(0)[0] * run.step)

    other = trainer(optimizer={"name": "sgd", "lr": 0.1}, batch_size=20, epochs=1)
    train(other, [Collect()])
    _, losses = range_test(run, 0.1, 0.1 * (1 + 1e-12), other.steps)
    np.testing.assert_allclose(losses.cumsum(), expected, rtol=1e-6)


def test_it_goes_on_over_epochs() -> None:
    """More steps than the experiment has, each epoch in another order."""
    run = trainer(epochs=1, batch_size=50)
    assert run.steps < 30
    _, losses = range_test(run, 1e-6, 1e-5, 30)
    assert len(losses) == 30
    assert len(set(losses)) == 30


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_it_ends_where_the_loss_blows_up(optimizer: str) -> None:
    rates, losses = range_test(trainer(optimizer=optimizer), 1e-3, 1e6, 400)
    assert len(rates) == len(losses) < 400
    curve = smooth(losses)
    assert not curve[-1] <= BLOWN_UP * curve[:-1].min()
    assert (curve[:-1] <= BLOWN_UP * np.minimum.accumulate(curve[:-1])).all()


def test_it_ends_where_a_gradient_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer()
    backward = run.network.backward

    def broken(dz: Any) -> Any:
        result = backward(dz)
        if run.t == 4:
            run.store.g[0, 0] = np.nan
        return result

    monkeypatch.setattr(run.network, "backward", broken)
    rates, losses = range_test(run, 1e-5, 1e-3, 30)
    assert len(rates) == len(losses) == 5
    assert np.isfinite(losses).all()
    assert run.outcomes[0] is not None
    assert run.outcomes[0].failure is not None


def test_regression() -> None:
    rates, losses = range_test(trainer(table(), loss="mse"), 1e-5, 1.0, 100)
    found = suggestion(rates, losses)
    assert found is not None
    assert 1e-5 < found < 1.0


def test_smooth_is_a_corrected_average() -> None:
    losses = np.array([4.0, 2.0, 1.0])
    weights = [[1.0], [0.9, 1.0], [0.81, 0.9, 1.0]]
    expected = [np.average(losses[: len(w)], weights=w) for w in weights]
    np.testing.assert_allclose(smooth(losses), expected)


def test_the_suggestion_is_where_the_loss_falls_fastest() -> None:
    rates = np.geomspace(1e-6, 1, 400)
    losses = 2 - np.tanh(3 * (np.log10(rates) + 2))  # steepest at 1e-2
    found = suggestion(rates, losses)
    assert found is not None
    assert abs(np.log10(found) + 2) < 0.3  # the average lags behind a little


@pytest.mark.parametrize(
    "losses",
    [
        np.linspace(1, 2, 50),
        np.full(50, 1.0),
        np.full(50, np.nan),
        np.array([np.inf]),
        np.array([2.0, 1.0]),
    ],
    ids=["rising", "flat", "nan", "inf", "short"],
)
def test_no_suggestion_where_the_loss_never_falls(losses: np.ndarray) -> None:
    assert suggestion(np.geomspace(1e-6, 1, len(losses)), losses) is None


def test_what_blew_up_at_the_end_does_not_count() -> None:
    rates = np.geomspace(1e-6, 1, 100)
    losses = np.linspace(2, 1, 100)
    losses[-1] = np.nan
    found = suggestion(rates, losses)
    assert found is not None
    assert found < rates[-1]
