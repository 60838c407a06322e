"""The engine on convolutional networks: bits, memory and what looks at layers."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from engine.small import digits, recipe, run, same

from dltricks.core.dataset import Data
from dltricks.core.parallel import pool
from dltricks.engine.evaluate import batch_size
from dltricks.engine.footprint import replica_bytes
from dltricks.engine.loop import step
from dltricks.engine.network import Network
from dltricks.engine.trainer import Trainer

RESNET = {"name": "resnet", "depth": 8, "width": 8, "stochastic_depth": 0.2}
IMAGES: dict[str, Any] = {"architecture": RESNET, "normalization": "batch", "batch_size": 24, "epochs": 1}
DATA = digits(100)
KERNELS = pytest.mark.parametrize("kernels", ["numpy", pytest.param("compiled", marks=pytest.mark.compiled)])


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = pool.threads
    yield
    pool.resize(before)


@KERNELS
def test_any_number_of_threads_gives_the_same_bytes(kernels: str) -> None:
    outcomes = []
    for threads in (1, 2, 3):
        pool.resize(threads)
        outcomes.append(run(recipe(0, **IMAGES, kernels=kernels), data=DATA)[0])
    for other in outcomes[1:]:
        same(outcomes[0], other)


@KERNELS
def test_a_run_is_the_same_alone_and_in_a_stack(kernels: str) -> None:
    pool.resize(2)
    recipes = [recipe(seed, **IMAGES, kernels=kernels) for seed in range(3)]
    assert Network(recipes, DATA.x.shape[1:], 10).store.size > 8192
    for each, outcome in zip(recipes, run(*recipes, data=DATA), strict=True):
        same(run(each, data=DATA)[0], outcome)


@KERNELS
def test_nothing_left_in_a_buffer_reaches_a_step(kernels: str) -> None:
    weights = []
    for poisoned in (False, True):
        trainer = Trainer([recipe(0, **IMAGES, kernels=kernels)], [DATA])
        trainer.begin_epoch()
        for batch in trainer.batches():
            step(trainer, batch, trainer.lr[:, trainer.step, None])
            if poisoned:
                trainer.network.chain.poison()
        weights.append(trainer.weights(0))
    for path, array in weights[0].items():
        assert np.isfinite(array).all()
        assert array.tobytes() == weights[1][path].tobytes(), path


@pytest.mark.compiled
def test_compiled_kernels_learn_what_numpy_learns() -> None:
    settings = {**IMAGES, "dtype": "float64", "epochs": 2}
    plain, fast = (run(recipe(0, **settings, kernels=kernels), data=DATA)[0] for kernels in ("numpy", "compiled"))
    assert plain.history[-1]["train_loss"] == pytest.approx(fast.history[-1]["train_loss"], rel=1e-9)
    for path, array in plain.weights.items():
        np.testing.assert_allclose(fast.weights[path], array, rtol=1e-6, atol=1e-8, err_msg=path)


def test_lsuv_brings_every_convolution_to_variance_one() -> None:
    lsuv = {"name": "lsuv", "tolerance": 0.05}
    architecture = {"name": "cnn", "blocks": ["3x3x8", "3x3x8 stride 2", "3x3x8 depthwise same"]}
    trainer = Trainer([recipe(0, architecture=architecture, initializer=lsuv, batch_size=64)], [DATA])
    found: dict[str, float] = {}

    def watch(layer: Any, what: str, array: np.ndarray) -> None:
        if "convolution" in layer.path:
            found[layer.path] = float(array.var())

    index = trainer.splits[0].train[:64][None]
    trainer.network.context.watch = watch
    trainer.network.forward(next(trainer.train_data.batches(index, 64)).x, training=False)
    assert len(found) == 3
    assert all(abs(variance - 1) < 0.05 for variance in found.values())


@KERNELS
def test_monitored_layers_are_those_of_the_network_and_change_no_bit_of_the_loss(kernels: str) -> None:
    watched = run(recipe(0, **IMAGES, kernels=kernels, monitor="layers"), data=DATA)[0]
    lines = watched.history[-1]["layers"]
    network = Network([recipe(0, **IMAGES)], DATA.x.shape[1:], 10)
    assert {path for path in lines if path.endswith("convolution")} == {
        layer.path for layer in network.layers if layer.name() == "convolution"
    }
    assert all(line["output_std"] > 0 for line in lines.values())
    quiet = run(recipe(0, **IMAGES, kernels=kernels), data=DATA)[0]
    assert {**watched.history[-1], "layers": None} == {**quiet.history[-1], "layers": None}


@pytest.mark.parametrize("architecture", [RESNET, {"name": "cnn", "blocks": ["3x3x32 same", "pool", "3x3x16"]}])
def test_the_footprint_is_about_what_a_further_replica_takes(architecture: dict[str, Any]) -> None:
    def stepped(replicas: int) -> Trainer:
        recipes = [recipe(seed, **{**IMAGES, "architecture": architecture}) for seed in range(replicas)]
        trainer = Trainer(recipes, [DATA] * replicas)
        trainer.begin_epoch()
        step(trainer, next(trainer.batches()), trainer.lr[:, 0, None])
        return trainer

    taken = []
    for replicas in (2, 8):
        tracemalloc.start()
        try:
            trainer = stepped(replicas)
            taken.append(tracemalloc.get_traced_memory()[0])
            found = replica_bytes(trainer)
            del trainer
        finally:
            tracemalloc.stop()
    each = (taken[1] - taken[0]) / 6
    assert each / 1.3 < found < 4 * each


def test_a_batch_of_evaluation_follows_from_the_largest_image() -> None:
    def size(blocks: list[str], data: Data) -> int:
        architecture = {"name": "cnn", "blocks": blocks}
        return batch_size(Network([recipe(0, architecture=architecture)], data.x.shape[1:], 10))

    assert size(["3x3x4"], DATA) == 512  # 6x6x4 = 144 values and 64 of the input, no more than 131,072 at once
    assert size(["3x3x32 same"], DATA) == 64
