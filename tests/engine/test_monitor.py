from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from engine.small import recipe, run

from dltricks.core.initializer import Initializer
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer


@dataclass
class Small(Initializer):
    """Weights that shrink the signal at every layer."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(0.0, 0.3 / np.sqrt(fan_in), shape)


@dataclass
class Huge(Initializer):
    """Weights of a size whose squares overflow in float64, while the numbers themselves do not."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(0.0, 1e160 if fan_out > 10 else 1e-160, shape)


def test_every_layer_of_every_epoch_is_described() -> None:
    outcome = run(recipe(monitor="layers", architecture={"name": "mlp", "hidden": [16, 8]}))[0]
    for line in outcome.history:
        layers = line["layers"]
        assert list(layers) == ["1.flatten", "2.linear", "3.relu", "4.linear", "5.relu", "6.linear"]
        for path, values in layers.items():
            assert all(np.isfinite(value) for value in values.values())
            assert {"output_mean", "output_std"} <= set(values)
            assert ("weight_gradient_rms" in values) == path.endswith("linear")


def test_looking_changes_nothing() -> None:
    plain, watched = run(recipe())[0], run(recipe(monitor="layers"))[0]
    assert [{k: v for k, v in line.items() if k != "layers"} for line in watched.history] == plain.history


def test_replicas_are_described_as_if_alone() -> None:
    recipes = [recipe(seed, monitor="layers") for seed in range(3)]
    together = run(*recipes)
    for k in range(3):
        assert run(recipes[k])[0].history == together[k].history


def test_gradients_vanish_with_depth() -> None:
    deep = {"name": "mlp", "hidden": [16] * 8}
    outcome = run(recipe(monitor="layers", architecture=deep, initializer=Small(), epochs=1))[0]
    sizes = [v["gradient_rms"] for path, v in outcome.history[0]["layers"].items() if path.endswith("linear")]
    assert sizes[0] < sizes[-1] * 1e-3


@pytest.mark.parametrize("where", [1, 2])
def test_the_layer_whose_weights_broke_is_named(where: int) -> None:
    class Break(Hook):
        def on_step_end(self, run: Trainer) -> None:
            if run.t == 3:
                layer = [layer for layer in run.network.layers if layer.declarations][where - 1]
                layer.W[0, 0, 0] = np.inf

    outcome = run(recipe(architecture={"name": "mlp", "hidden": [16]}), hooks=(Break(),))[0]
    assert outcome.failure is not None
    assert (outcome.failure.epoch, outcome.failure.step) == (1, 4)
    assert outcome.failure.layer == {1: "2.linear", 2: "4.linear"}[where]
    assert outcome.failure.what == "weights W"


def test_what_is_too_large_to_square_is_none_and_can_be_written() -> None:
    outcome = run(recipe(monitor="layers", dtype="float64", initializer=Huge(), clipping="norm", epochs=1))[0]
    assert outcome.status == "finished"
    layers = outcome.history[0]["layers"]
    assert layers["2.linear"]["output_std"] is None
    assert layers["2.linear"]["output_mean"] is not None
    json.dumps(layers, allow_nan=False)
