"""Every backward pass against central differences, in float64: read from the registry, so that a new trick is held
to it, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from engine.small import recipe, store
from layers.bench import Bench, benches, inputs, layer_classes, names, smaller, variants
from losses.bench import targets

from dltricks.core import registry
from dltricks.core.component import stack
from dltricks.core.errors import UsageError
from dltricks.core.loss import Loss
from dltricks.engine.network import Network
from dltricks.engine.recipe import Recipe

STEP = 1e-5
TOLERANCE = 1e-6


def assert_close(analytic: np.ndarray, numeric: np.ndarray, what: str, least: float = 0.0) -> None:
    largest = max(np.linalg.norm(analytic), np.linalg.norm(numeric), least)
    assert np.isfinite(largest), what
    assert np.linalg.norm(analytic - numeric) <= TOLERANCE * largest, what


def differences(values: Callable[[], np.ndarray], array: np.ndarray) -> np.ndarray:
    """The gradient of each replica's value (K,) by its own part of ``array`` (K, ...), which is changed in place."""
    flat = np.reshape(array, (len(array), -1), copy=False)
    gradient = np.empty_like(flat)
    for i in range(flat.shape[1]):
        kept = flat[:, i].copy()
        flat[:, i] = kept + STEP
        above = values()
        flat[:, i] = kept - STEP
        gradient[:, i] = (above - values()) / (2 * STEP)
        flat[:, i] = kept
    return gradient.reshape(array.shape)


def check_layer(bench: Bench, shape: tuple[int, ...]) -> None:
    x = inputs(2, 4, shape)
    dy = np.random.default_rng(1).normal(size=bench.outputs(x))
    _, dx, dp = bench.step(x, dy)

    def values() -> np.ndarray:
        return (bench.forward(x) * dy).reshape(2, -1).sum(-1)

    assert_close(dx, differences(values, x), "input")
    numeric = differences(values, bench.store.p)
    for (parameter, a), (_, n) in zip(bench.store.views(dp), bench.store.views(numeric), strict=True):
        assert_close(a, n, parameter.path)


@pytest.mark.parametrize("cls", layer_classes(), ids=lambda cls: f"{cls.kind}-{cls.name()}")
def test_layer(cls: Any) -> None:
    checked = 0
    for bench in benches(cls, 2):
        check_layer(bench, bench.sample)
        checked += 1
    assert checked


@pytest.mark.parametrize("name", names("normalization"))
def test_normalization_in_evaluation(name: str) -> None:
    for bench in benches(registry.load("normalization", name), 2):
        rng = np.random.default_rng(2)
        for statistic in bench.trick.running.values():
            statistic[...] = rng.uniform(0.5, 2.0, statistic.shape)
        bench.context.training = False
        check_layer(bench, bench.sample)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_in_both_forms(approximate: str) -> None:
    cls = registry.load("activation", "gelu")
    check_layer(Bench(cls(approximate), cls(approximate)), (12,))


LOSSES = [(name, task) for name in registry.names("loss") for task in registry.load("loss", name).tasks]


@pytest.mark.parametrize(("name", "task"), LOSSES)
def test_loss(name: str, task: str) -> None:
    cls = registry.load("loss", name)
    shape = (2, 6, 4)
    z, target = inputs(2, 6, (4,), seed=3), targets(task, shape, 4)
    loss: Loss = stack(variants(cls, 2))
    loss.allocate(shape, z.dtype)
    loss.forward(z, target)
    analytic = loss.backward().copy()
    assert np.any(analytic)
    assert_close(analytic, differences(lambda: loss.forward(z, target).mean(-1), z), name)


@pytest.mark.parametrize("name", registry.names("penalty"))
def test_penalty(name: str) -> None:
    """A field that is the gradient of something does the same work along every path between two points."""
    made = store(("W", (4, 3), "kernel"), ("b", (3,), "bias"), ("V", (3, 2), "kernel"), replicas=2)
    penalty = stack(variants(registry.load("penalty", name), 2), ndim=2)
    penalty.setup(made)
    rng = np.random.default_rng(6)
    # All points share their signs, so that no path crosses a corner.
    start, corner, end = np.sign(made.p) * rng.uniform(0.2, 2.0, (3, *made.p.shape))
    nodes, weights = np.polynomial.legendre.leggauss(8)

    def work(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        total = np.zeros(2)
        for node, weight in zip(nodes, weights, strict=True):
            made.p[...] = a + (b - a) * (node + 1) / 2
            made.g[...] = 0
            penalty.add_gradient(made)
            assert not made.g[:, made.kernels.stop :].any()
            total += weight / 2 * (made.g * (b - a)).sum(-1)
        return total

    np.testing.assert_allclose(work(start, corner) + work(corner, end), work(start, end), rtol=1e-10, atol=1e-14)


def architectures() -> list[Any]:
    """Every architecture with small defaults, and once more with each of its switches turned."""
    found = []
    for name in registry.names("architecture"):
        cls = registry.load("architecture", name)
        switches = [field.name for field in fields(cls) if isinstance(getattr(smaller(cls()), field.name), bool)]
        found.append(smaller(cls()))
        for switch in switches:
            found.append(smaller(cls()))
            setattr(found[-1], switch, not getattr(found[-1], switch))
    return found


SAMPLES = ((5,), (4, 4, 2))
CLASSES, BATCH = 3, 3


def values(of: Recipe, p: np.ndarray, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The loss (M,) for each of M rows of parameters and inputs: one replica for each."""
    network = Network([of] * len(p), x.shape[2:], CLASSES)
    network.context.batch_size = BATCH
    network.store.p[...] = p
    loss = stack([of.loss] * len(p))
    z = network.forward(x, training=True)
    loss.allocate(z.shape, z.dtype)
    return loss.forward(z, np.broadcast_to(target, z.shape)).mean(-1)


def check_network(parts: dict[str, Any]) -> None:
    recipes = []
    for seed in (0, 1):
        own = {kind: part[seed] if isinstance(part, list) else part for kind, part in parts.items()}
        recipes.append(recipe(seed, dtype="float64", **own))
    refusals = []
    for shape in SAMPLES:
        try:
            network = Network(recipes, shape, CLASSES, input_gradient=True)
        except UsageError as error:
            refusals.append(str(error))
            continue
        break
    else:
        words = " ".join(part[0].name() for part in parts.values() if isinstance(part, list))
        assert all(any(word in text for word in words.split()) for text in refusals), refusals
        return
    rng = np.random.default_rng(8)
    network.store.p[...] = rng.normal(size=network.store.p.shape)
    network.context.batch_size = BATCH
    x, target = inputs(2, BATCH, shape, seed=9), targets("classification", (2, BATCH, CLASSES), 10)
    loss = stack([of.loss for of in recipes])
    z = network.forward(x, training=True)
    loss.allocate(z.shape, z.dtype)
    loss.forward(z, target)
    dx = network.backward(loss.backward())
    assert dx is not None
    for k, of in enumerate(recipes):
        point = np.concatenate([network.store.p[k], x[k].ravel()])
        moved = np.concatenate([point + sign * STEP * np.eye(point.size) for sign in (1, -1)])
        size = network.store.size
        above, below = np.split(values(of, moved[:, :size], moved[:, size:].reshape(-1, *x.shape[1:]), target[k]), 2)
        numeric = (above - below) / (2 * STEP)
        assert_close(dx[k].ravel(), numeric[size:], "input")
        analytic, numeric = network.store.g[k : k + 1], numeric[None, :size]
        for (parameter, a), (_, n) in zip(network.store.views(analytic), network.store.views(numeric), strict=True):
            # What another layer cancels has a gradient of zero, up to rounding.
            assert_close(a, n, parameter.path, least=1e-4 * float(np.linalg.norm(numeric)))


@pytest.mark.parametrize("normalization", registry.names("normalization"))
@pytest.mark.parametrize("activation", registry.names("activation"))
@pytest.mark.parametrize("architecture", architectures(), ids=repr)
def test_network(architecture: Any, activation: str, normalization: str) -> None:
    check_network(
        {
            "architecture": architecture,
            "activation": variants(registry.load("activation", activation), 2),
            "normalization": variants(registry.load("normalization", normalization), 2),
        }
    )


@pytest.mark.parametrize("dropout", registry.names("dropout"))
@pytest.mark.parametrize("architecture", architectures(), ids=repr)
def test_network_with_dropout(architecture: Any, dropout: str) -> None:
    check_network({"architecture": architecture, "dropout": variants(registry.load("dropout", dropout), 2)})


def test_a_wrong_gradient_is_found() -> None:
    cls = registry.load("activation", "tanh")

    class Wrong(cls):
        def backward(self, dy: np.ndarray) -> np.ndarray:
            return super().backward(dy) * (1 + 1e-5)

    with pytest.raises(AssertionError):
        check_layer(Bench(Wrong(), Wrong()), (12,))
