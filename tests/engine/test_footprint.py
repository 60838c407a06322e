from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from engine.small import digits, recipe

from dltricks.engine.footprint import replica_bytes
from dltricks.engine.loop import step
from dltricks.engine.trainer import Trainer

DEEP = {"architecture": {"name": "mlp", "hidden": [128, 128]}}


def stepped(replicas: int, **values: Any) -> Trainer:
    trainer = Trainer([recipe(seed, **values) for seed in range(replicas)], [DATA] * replicas)
    trainer.begin_epoch()
    batch = next(trainer.batches())
    step(trainer, batch, trainer.lr[:, 0, None])
    return trainer


DATA = digits()


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": "sgd"},
        {"optimizer": "adam", "averaging": "ema"},
        {"normalization": "batch", "dropout": {"name": "dropout", "rate": 0.5}, "batch_size": 128},
        {"dtype": "float64"},
    ],
)
def test_it_is_about_what_a_further_replica_takes(values: dict[str, Any]) -> None:
    found = replica_bytes(stepped(2, **DEEP, **values))
    taken = []
    for replicas in (2, 10):
        tracemalloc.start()
        try:
            trainer = stepped(replicas, **DEEP, **values)
            taken.append(tracemalloc.get_traced_memory()[0])
            del trainer
        finally:
            tracemalloc.stop()
    each = (taken[1] - taken[0]) / 8
    # What is held after a step is part of it; checkpoints and the best weights come later.
    assert each / 1.25 < found < 4 * each


def test_more_replicas_take_no_more_each() -> None:
    one, four = (replica_bytes(stepped(replicas, **DEEP)) for replicas in (1, 4))
    assert abs(one - four) < 0.01 * one


def test_it_grows_with_what_there_is_to_hold() -> None:
    plain = replica_bytes(stepped(2, optimizer="sgd", batch_size=16))
    assert replica_bytes(stepped(2, optimizer="adam", batch_size=16)) > plain
    assert replica_bytes(stepped(2, optimizer="sgd", batch_size=160)) > plain
    assert replica_bytes(stepped(2, optimizer="sgd", batch_size=16, averaging="ema")) > plain
    assert replica_bytes(stepped(2, optimizer="sgd", batch_size=16, **DEEP)) > 4 * plain
