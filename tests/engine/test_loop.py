"""The loop itself: the order of a step, the hooks, and what the epoch's metrics are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine.small import digits, recipe, run, same, table

from dltricks.core.dataset import Data
from dltricks.core.numeric import norms
from dltricks.core.parallel import pool
from dltricks.engine.hooks import Hook
from dltricks.engine.loop import train
from dltricks.engine.trainer import Trainer


class Events(Hook):
    """Writes down what happens."""

    def __init__(self, log: list[str], name: str = "") -> None:
        self.log, self.name = log, name

    def on_train_begin(self, run: Trainer) -> None:
        self.log.append(self.name + "train_begin")

    def on_step_end(self, run: Trainer) -> None:
        self.log.append(self.name + "step_end")

    def on_epoch_end(self, run: Trainer) -> None:
        self.log.append(self.name + "epoch_end")

    def on_train_end(self, run: Trainer) -> None:
        self.log.append(self.name + "train_end")


class Spy:
    """Stands before a part of the trainer and writes down which of its methods are called."""

    def __init__(self, part: Any, log: list[str], watched: dict[str, str]) -> None:
        self.part, self.log, self.watched = part, log, watched

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.part, name)
        if name not in self.watched:
            return method
        return self._seen(self.watched[name], method)

    def __call__(self, *args: Any) -> Any:
        return self._seen(self.watched["__call__"], self.part)(*args)

    def _seen(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.log.append(name)
            return method(*args, **kwargs)

        return call


def test_the_order_of_a_step() -> None:
    log: list[str] = []
    trainer = Trainer([recipe(batch_size="full", epochs=1, validation=0.0)], [digits(50)])
    for attribute, watched in {
        "network": {"forward": "forward", "backward": "gradient"},
        "loss": {"forward": "loss"},
        "penalty": {"add_gradient": "penalty gradient", "project": "projection"},
        "clipping": {"clip": "clipping"},
        "update": {"__call__": "update"},
        "averaging": {"after_step": "average", "after_epoch": "average of the epoch"},
    }.items():
        setattr(trainer, attribute, Spy(getattr(trainer, attribute), log, watched))
    train(trainer, [Events(log)])
    assert log == [
        "train_begin",
        "forward",
        "loss",
        "gradient",
        "penalty gradient",
        "clipping",
        "update",
        "projection",
        "average",
        "step_end",
        "average of the epoch",
        "epoch_end",
        "train_end",
    ]


def test_hooks_are_called_in_their_order() -> None:
    log: list[str] = []
    run(recipe(batch_size="full"), hooks=(Events(log, "a "), Events(log, "b ")))
    events = ["train_begin", "step_end", "epoch_end", "step_end", "epoch_end", "train_end"]
    assert log == [f"{name} {event}" for event in events for name in "ab"]


def test_the_fields_of_an_epoch() -> None:
    outcome = run(recipe(epochs=3))[0]
    assert outcome.status == "finished"
    assert [line["epoch"] for line in outcome.history] == [1, 2, 3]
    for line in outcome.history:
        assert list(line) == [
            "epoch",
            "train_loss",
            "train_accuracy",
            "val_loss",
            "val_accuracy",
            "lr",
            "grad_norm",
            "clipped",
        ]
    assert outcome.final == outcome.history[-1]
    assert outcome.best in outcome.history
    assert outcome.history[-1]["train_loss"] < outcome.history[0]["train_loss"]


def test_without_validation_the_training_loss_decides() -> None:
    outcome = run(recipe(validation=0.0, epochs=3))[0]
    assert not any(key.startswith("val_") for key in outcome.history[0])
    assert outcome.best is not None
    assert outcome.best["train_loss"] == min(line["train_loss"] for line in outcome.history)


class Steps(Hook):
    """Measures each step anew, from what the loop left behind."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def on_step_end(self, run: Trainer) -> None:
        self.norms.append(float(norms(run.store.g)[0]))


def test_metrics_of_training_are_means_over_samples_and_of_the_gradient_over_steps() -> None:
    # A learning rate next to nothing keeps the network as it was drawn, so that one pass tells the epoch's means.
    changes: dict[str, Any] = {"optimizer": {"name": "adam", "lr": 1e-30}, "validation": 0.0, "epochs": 1}
    small = run(recipe(batch_size=32, **changes), data=digits(100))[0].history[0]
    full = run(recipe(batch_size="full", **changes), data=digits(100))[0].history[0]
    assert small["train_loss"] == pytest.approx(full["train_loss"], rel=1e-6)
    assert small["train_accuracy"] == full["train_accuracy"]
    assert small["lr"] == 1e-30
    steps = Steps()
    history = run(recipe(batch_size=32, **changes), data=digits(100), hooks=(steps,))[0].history
    # Adam leaves g as it is, up to its use as a buffer.
    assert len(steps.norms) == 4
    assert history[0]["grad_norm"] == small["grad_norm"]


def test_grad_norm_is_before_clipping_and_clipped_is_the_share_of_steps() -> None:
    clipping = {"name": "norm", "threshold": 0.3}
    seen: list[tuple[float, float]] = []
    trainer = Trainer([recipe(clipping=clipping, epochs=1)], [digits()])
    clip = trainer.clipping.clip

    def spy(store: Any, norm: Any) -> Any:
        before = float(norms(store.g)[0])
        result = clip(store, norm)
        seen.append((before, float(norms(store.g)[0])))
        return result

    trainer.clipping.clip = spy
    line = train(trainer)[0].history[0]
    assert line["grad_norm"] == pytest.approx(np.mean([before for before, _ in seen]), rel=1e-12)
    assert line["clipped"] == np.mean([before > 0.3 for before, _ in seen]) > 0
    assert max(after for _, after in seen) <= 0.3 * (1 + 1e-6)


def test_train_loss_leaves_the_penalty_out() -> None:
    changes: dict[str, Any] = {"epochs": 1, "batch_size": "full"}
    plain = run(recipe(**changes))[0].history[0]
    heavy = run(recipe(penalty={"name": "l2", "strength": 10.0}, **changes))[0].history[0]
    assert heavy["train_loss"] == plain["train_loss"]
    assert heavy["grad_norm"] > 2 * plain["grad_norm"]


def test_the_learning_rate_follows_its_schedule_step_by_step() -> None:
    trainer = Trainer([recipe(schedule={"name": "linear", "warmup": 1.0}, epochs=3)], [digits()])
    rates: list[float] = []

    class Rates(Hook):
        def on_epoch_end(self, run: Trainer) -> None:
            rates.extend(run.lr[0])

    train(trainer, [Rates()])
    steps = trainer.steps
    expected = [s / steps for s in range(1, steps + 1)] + [1 - s / (2 * steps) for s in range(2 * steps)]
    np.testing.assert_allclose(rates, 1e-3 * np.array(expected), rtol=1e-12)


def test_batch_size_full_is_one_step_on_all_samples() -> None:
    trainer = Trainer([recipe(batch_size="full")], [digits(100)])
    assert (trainer.steps, trainer.batch_size) == (1, 90)
    outcome = train(trainer)[0]
    assert outcome is not None
    assert outcome.status == "finished"


def test_regression_end_to_end() -> None:
    changes = {"loss": "mse", "scaling": "standardize", "optimizer": {"name": "adam", "lr": 0.02}, "epochs": 60}
    outcome = run(recipe(**changes), data=table())[0]
    assert {"train_rmse", "val_rmse"} <= set(outcome.history[0])
    assert outcome.best is not None
    assert outcome.best["val_rmse"] == min(line["val_rmse"] for line in outcome.history)
    assert outcome.final is not None
    deviation = float(table().y.std())
    assert outcome.final["train_rmse"] < 0.25 * deviation < outcome.history[0]["train_rmse"]


def test_the_test_part_is_measured_once_at_the_end() -> None:
    data = digits(200)
    data.test_x, data.test_y = data.x[150:], data.y[150:]
    data.x, data.y = data.x[:150], data.y[:150]
    outcome = run(recipe(), data=data)[0]
    assert list(outcome.test) == ["test_loss", "test_accuracy"]
    assert not any(key.startswith("test_") for line in outcome.history for key in line)
    on_test = run(recipe(validation="test"), data=data)[0]
    assert on_test.final is not None
    assert on_test.test == {"test_" + name: on_test.final["val_" + name] for name in ("loss", "accuracy")}


def test_threads_change_no_bit_of_a_large_network() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(384, 784)), rng.integers(0, 10, 384)
    data = Data("classification", x, y, classes=[str(c) for c in range(10)])
    large = recipe(
        architecture={"name": "mlp", "hidden": [512, 512]},
        batch_size=128,
        validation=0.0,
        epochs=1,
        scaling="none",
    )
    before, outcomes = pool.threads, []
    try:
        for threads in (1, 2, 3):
            pool.resize(threads)
            outcomes.append(run(large, data=data)[0])
    finally:
        pool.resize(before)
    same(outcomes[0], outcomes[1])
    same(outcomes[0], outcomes[2])
    alone = outcomes[0]
    together = run(recipe(1, **_settings(large)), large, data=data)[1]
    same(alone, together)


def _settings(made: Any) -> dict[str, Any]:
    return {
        name: getattr(made, name)
        for name in ("architecture", "batch_size", "validation", "epochs", "scaling", "optimizer")
    }
