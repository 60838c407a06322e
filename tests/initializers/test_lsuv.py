from __future__ import annotations

import numpy as np
import pytest
from engine.small import digits, recipe

from dltricks.engine.trainer import Trainer
from dltricks.initializers.lsuv import Lsuv
from dltricks.layers.linear import Linear


def variances(trainer: Trainer) -> list[np.ndarray]:
    """Variance (K,) of each linear layer's outputs on the batch that LSUV saw."""
    index = np.stack([part.train[: trainer.batch_size] for part in trainer.splits])
    batch = next(trainer.train_data.batches(index, trainer.batch_size))
    return [
        trainer.network._output_variance(layer, batch.x)
        for layer in trainer.network.layers
        if isinstance(layer, Linear)
    ]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_every_layer_starts_with_unit_variance(activation: str) -> None:
    parts = {"activation": activation, "architecture": {"name": "mlp", "hidden": [40, 30, 20, 20]}}
    plain, lsuv = (
        Trainer([recipe(seed, initializer=name, **parts) for seed in (0, 1)], [digits()] * 2)
        for name in ("orthogonal", "lsuv")
    )
    assert all((np.abs(variance - 1) < 0.1).all() for variance in variances(lsuv))
    assert not all((np.abs(variance - 1) < 0.1).all() for variance in variances(plain))


def test_weight_normalization_is_rescaled_with_it() -> None:
    trainer = Trainer([recipe(initializer="lsuv", normalization="weight")], [digits()])
    assert all((np.abs(variance - 1) < 0.1).all() for variance in variances(trainer))


def test_a_stack_starts_as_each_run_alone() -> None:
    recipes = [recipe(seed, initializer=Lsuv(tolerance)) for seed, tolerance in enumerate((0.1, 1e-3, 0.5))]
    together = Trainer(recipes, [digits()] * 3)
    for k, one in enumerate(recipes):
        alone = Trainer([one], [digits()])
        assert alone.store.p[0].tobytes() == together.store.p[k].tobytes()


def test_attempts_end() -> None:
    trick = Lsuv(tolerance=0.01, attempts=3)
    assert trick.rescaling(4.0, 0) == 0.5
    assert trick.rescaling(1.005, 1) == 1.0
    assert trick.rescaling(4.0, 3) == 1.0
    assert trick.rescaling(0.0, 0) == 1.0
