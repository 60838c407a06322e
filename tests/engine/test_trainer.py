"""What a run is between two steps: ending, leaving the stack, stopping and going on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engine.small import digits, recipe, run, same, table

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.core.registry import KINDS
from dltricks.engine.hooks import Hook
from dltricks.engine.loop import train
from dltricks.engine.recipe import Recipe, Seeds
from dltricks.engine.state import State
from dltricks.engine.trainer import Trainer

EXPLODING = {"name": "adam", "lr": 1e30}


def test_a_diverged_run_leaves_its_neighbours_alone() -> None:
    recipes = [recipe(0), recipe(1, optimizer=EXPLODING), recipe(2)]
    outcomes = run(*recipes)
    for k in (0, 2):
        same(run(recipes[k])[0], outcomes[k])
    found = outcomes[1]
    assert found.status == "diverged"
    assert found.failure is not None
    assert (found.failure.epoch, found.failure.step) == (1, 2)
    assert found.failure.layer in {"2.linear", "3.relu", "4.linear", "loss"}
    assert found.history == []
    assert found.best is None
    assert found.weights
    assert all(np.isfinite(array).all() for array in found.weights.values())
    same(run(recipes[1])[0], found)


def test_a_run_that_diverges_late_keeps_what_it_measured() -> None:
    class Break(Hook):
        def on_step_end(self, run: Trainer) -> None:
            if run.t == 14:  # six steps make an epoch
                run.store.p[0, 0] = np.nan

    outcome = run(recipe(epochs=5), hooks=(Break(),))[0]
    assert outcome.status == "diverged"
    assert len(outcome.history) == 2
    assert outcome.best in outcome.history
    assert outcome.failure is not None
    assert (outcome.failure.epoch, outcome.failure.step, outcome.failure.layer) == (3, 3, "2.linear")
    assert all(np.isfinite(array).all() for array in outcome.weights.values())


def test_an_update_that_overflows_falls_back_to_the_start_of_the_epoch() -> None:
    class Starts(Hook):
        def __init__(self) -> None:
            self.weights: dict[str, np.ndarray] = {}

        def on_epoch_end(self, run: Trainer) -> None:
            if run.epoch == 1 and not self.weights:
                self.weights = run.weights(0)

        def on_step_end(self, run: Trainer) -> None:
            if run.t == 9:
                run.store.p[...] = np.inf

    hook = Starts()
    outcome = run(recipe(epochs=5), hooks=(hook,))[0]
    assert outcome.status == "diverged"
    assert all((outcome.weights[path] == array).all() for path, array in hook.weights.items())


def test_a_last_update_that_overflows_is_a_divergence_though_nothing_is_measured_after_it() -> None:
    sgd = {"name": "sgd", "lr": 1e300}
    outcome = run(recipe(optimizer=sgd, validation=0.0, epochs=1, batch_size="full"))[0]
    assert outcome.status == "diverged"
    assert outcome.failure is not None
    assert (outcome.failure.epoch, outcome.failure.layer, outcome.failure.what) == (1, "2.linear", "weights W")
    assert all(np.isfinite(array).all() for array in outcome.weights.values())


def test_test_metrics_that_are_not_finite_are_a_divergence() -> None:
    data = table(40)
    data.test_x, data.test_y = data.x * 1e200, data.y
    outcome = run(recipe(loss="mse", dtype="float64"), data=data)[0]
    assert (outcome.status, outcome.test) == ("diverged", {})
    assert outcome.failure is not None
    assert outcome.failure.layer == "test"
    assert len(outcome.history) == 2
    alone = run(recipe(loss="mse", dtype="float64"), data=table(40))[0]
    assert all((array == alone.weights[path]).all() for path, array in outcome.weights.items())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_broken_data_name_the_input(value: float) -> None:
    data = table(40)
    data.x[:, 2] = value
    outcome = run(recipe(loss="mse", scaling="none"), data=data)[0]
    assert outcome.failure is not None
    assert (outcome.failure.epoch, outcome.failure.step, outcome.failure.layer) == (1, 1, "input")


def test_a_run_that_stops_early_leaves_the_stack_and_the_rest_go_on() -> None:
    class Sizes(Hook):
        def __init__(self) -> None:
            self.seen: list[int] = []

        def on_step_end(self, run: Trainer) -> None:
            self.seen.append(run.store.replicas)

    stopping = {"name": "early_stopping", "patience": 2}
    recipes = [
        recipe(seed, epochs=12, early_stopping=stopping, optimizer={"name": "adam", "lr": lr})
        for seed, lr in ((0, 1e-3), (1, 1.0), (2, 0.03), (3, 0.3), (4, 0.1))
    ]
    hook = Sizes()
    outcomes = run(*recipes, hooks=(hook,))
    lengths = [len(outcome.history) for outcome in outcomes]
    assert len(set(lengths)) >= 3
    assert hook.seen == [sum(length >= epoch for length in lengths) for epoch in range(1, 13) for _ in range(6)]
    for k in range(4):
        same(run(recipes[k])[0], outcomes[k])


def test_each_purposes_seed_can_be_varied_alone() -> None:
    base = run(recipe())[0]
    for purpose in ("init", "order", "split"):
        assert run(recipe(seeds=replace(Seeds.all(0), **{purpose: 1})))[0].history != base.history
    dropout = {"name": "dropout", "rate": 0.3}
    assert (
        run(recipe(dropout=dropout, seeds=replace(Seeds.all(0), dropout=1)))[0].history
        != run(recipe(dropout=dropout))[0].history
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 181}, "batch_size: 181 is more than the 180 training samples"),
        ({"limit": 1000}, "limit: 1000 is more"),
    ],
)
def test_what_cannot_be_trained_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Trainer([recipe(**changes)], [digits()])


def test_a_last_batch_of_one_is_refused_where_a_layer_compares_samples() -> None:
    with pytest.raises(UsageError, match="single sample"):
        Trainer([recipe(normalization="batch", batch_size=179)], [digits()])
    assert run(recipe(batch_size=179))[0].status == "finished"


class Interrupt(Hook):
    """Takes the states after a step, as a checkpoint would."""

    def __init__(self, step: int) -> None:
        self.step, self.states = step, list[State]()

    def on_step_end(self, run: Trainer) -> None:
        if run.t == self.step:
            states = [run.state(k) for k in range(len(run.recipes))]
            # As through a file: arrays by name, the rest as JSON.
            self.states = [State(s.arrays, json.loads(json.dumps(s.meta))) for s in states]


def resumed(recipes: list[Recipe], states: list[State]) -> list[Any]:
    trainer = Trainer(recipes, [digits()] * len(recipes))
    trainer.restore(states)
    return train(trainer)


def check_resuming(changes: dict[str, Any], step: int) -> None:
    recipes = [recipe(seed, **changes) for seed in range(2)]
    hook = Interrupt(step)
    whole = run(*recipes, hooks=(hook,))
    assert len(hook.states) == 2
    for outcome, again in zip(whole, resumed(recipes, hook.states), strict=True):
        same(outcome, again)


NOT_DEFAULT = {
    "swa": {"name": "swa", "start": 2},
    "early_stopping": {"name": "early_stopping", "patience": 1},
    "plateau": {"name": "plateau", "patience": 1, "monitor": "train_loss", "threshold": 10.0},
}
STATEFUL = [
    (kind, name)
    for kind in KINDS
    if kind not in {"dataset", "augmentation", "loss", "scaling", "initializer", "activation", "architecture"}
    for name in registry.names(kind)
    if name != "none"
]


@pytest.mark.parametrize(("kind", "name"), STATEFUL, ids=["-".join(each) for each in STATEFUL])
def test_stopping_amid_an_epoch_and_going_on_changes_no_bit(kind: str, name: str) -> None:
    hidden = {"name": "mlp", "hidden": [16, 16]}
    try:
        check_resuming({kind: NOT_DEFAULT.get(name, name), "epochs": 3, "architecture": hidden}, step=15)
    except UsageError as refused:
        pytest.skip(str(refused))


@pytest.mark.parametrize("step", [1, 6, 7, 17, 18])
def test_stopping_at_any_step(step: int) -> None:
    changes = {
        "epochs": 4,
        "optimizer": {"name": "adam", "lr": 0.05},
        "normalization": "batch",
        "dropout": {"name": "dropout", "rate": 0.2},
        "averaging": {"name": "swa", "start": 2},
        "early_stopping": {"name": "early_stopping", "patience": 4},
        "schedule": NOT_DEFAULT["plateau"],
        "clipping": {"name": "norm", "threshold": 0.5},
        "monitor": "layers",
    }
    check_resuming(changes, step)


def test_states_of_different_steps_do_not_mix() -> None:
    recipes = [recipe(seed) for seed in range(2)]
    first, second = Interrupt(2), Interrupt(3)
    run(*recipes, hooks=(first, second))
    with pytest.raises(ValueError, match="same step"):
        resumed(recipes, [first.states[0], second.states[1]])


def test_a_state_of_another_configuration_is_refused() -> None:
    hook = Interrupt(2)
    run(recipe(optimizer="adam"), hooks=(hook,))
    with pytest.raises((KeyError, ValueError)):
        resumed([recipe(architecture={"name": "mlp", "hidden": [8]})], hook.states)
    with pytest.raises((KeyError, ValueError)):
        resumed([recipe(averaging="ema")], hook.states)


def test_infinite_weights_that_no_measurement_sees_are_seen_at_the_end_of_the_epoch() -> None:
    """A relu cuts the output off, and the loss is finite; the weights of the epoch's beginning are kept."""

    class Overflow(Hook):
        def on_step_end(self, run: Trainer) -> None:
            if run.t == 12:  # the last step of the second epoch
                (layer,) = (layer for layer in run.network.layers if layer.path == "2.linear")
                layer.b[0, 0] = -np.inf

    outcome = run(recipe(epochs=4), hooks=(Overflow(),))[0]
    assert outcome.status == "diverged"
    assert outcome.failure is not None
    assert (outcome.failure.epoch, outcome.failure.step) == (2, 6)
    assert (outcome.failure.layer, outcome.failure.what) == ("2.linear", "weights b")
    assert len(outcome.history) == 1
    assert all(np.isfinite(array).all() for array in outcome.weights.values())
