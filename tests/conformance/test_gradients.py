"""Every backward pass against central differences, in float64: read from the registry, so that a new trick is held
to it, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from architectures.chain import small
from engine.small import recipe, store
from layers.bench import Bench, benches, inputs, layer_classes, names, variants
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
    error = float(np.linalg.norm(analytic - numeric))
    assert error <= TOLERANCE * largest, f"{what}: off by {error:.2g} of {largest:.2g}"


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


ARCHITECTURES = [architecture for name in registry.names("architecture") for architecture in small(name)]
SAMPLES = ((5,), (4, 4, 2), (8, 8, 1), (12, 12, 1))
"""Tried one after another: some networks need images, and some of a certain size."""
CLASSES, BATCH = 3, 3
MANY = 200
"""With more numbers than this, their gradient is looked at in a few random directions of each array."""
DIRECTIONS, SHORT = 2, 3e-6
"""How many these are, and the step along them: many units move at once, and fewer meet a corner on a shorter way."""


def values(of: Recipe, p: np.ndarray, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The loss (M,) for each of M rows of parameters and inputs: one replica for each."""
    network = Network([of] * len(p), x.shape[2:], CLASSES)
    network.context.batch_size = BATCH
    network.store.p[...] = p
    loss = stack([of.loss] * len(p))
    z = network.forward(x, training=True)
    loss.allocate(z.shape, z.dtype)
    return loss.forward(z, np.broadcast_to(target, z.shape)).mean(-1)


def directions(sizes: list[int]) -> tuple[np.ndarray, float]:
    """Unit vectors (M, sum of sizes) along which to differentiate, and the length of a step."""
    total = sum(sizes)
    if total <= MANY:
        return np.eye(total), STEP
    rng = np.random.default_rng(12)
    found = np.zeros((DIRECTIONS * len(sizes), total))
    for number, (end, size) in enumerate(zip(np.cumsum(sizes), sizes, strict=True)):
        part = rng.choice([-1.0, 1.0], (DIRECTIONS, size)) / np.sqrt(size)
        found[DIRECTIONS * number : DIRECTIONS * (number + 1), end - size : end] = part
    return found, SHORT


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
        words += f" {recipes[0].architecture.name()} "
        assert all(any(word in text for word in words.split()) for text in refusals), refusals
        pytest.skip(refusals[-1])
    rng = np.random.default_rng(8)
    for layer in network.layers:
        for d in layer.declarations:
            view = getattr(layer, d.name)
            # Values keep their size from layer to layer, so that no softmax is beyond all doubt.
            spread = d.fan[0] ** -0.5 if d.parameter.role == "kernel" else 0.4
            view[...] = rng.normal(d.parameter.role == "gain", spread, view.shape)
    network.context.batch_size = BATCH
    x, target = inputs(2, BATCH, shape, seed=9), targets("classification", (2, BATCH, CLASSES), 10)
    loss = stack([of.loss for of in recipes])
    z = network.forward(x, training=True)
    loss.allocate(z.shape, z.dtype)
    loss.forward(z, target)
    dx = network.backward(loss.backward())
    assert dx is not None
    size = network.store.size
    arrays = {parameter.path: parameter.size for parameter in network.store.parameters} | {"input": x[0].size}
    way, step = directions(list(arrays.values()))
    for k, of in enumerate(recipes):
        point = np.concatenate([network.store.p[k], x[k].ravel()])
        moved = np.concatenate([point + sign * step * way for sign in (1, -1)])
        above, below = np.split(values(of, moved[:, :size], moved[:, size:].reshape(-1, *x.shape[1:]), target[k]), 2)
        numeric = (above - below) / (2 * step)
        gradient = np.concatenate([network.store.g[k], dx[k].ravel()])
        analytic = way @ gradient
        # What another layer cancels has a gradient of zero, up to the loss's rounding.
        least = 1e-3 * float(np.linalg.norm(numeric))
        for path, end in zip(arrays, np.cumsum(list(arrays.values())), strict=True):
            of_it = way[:, end - arrays[path] : end].any(-1)
            assert_close(analytic[of_it], numeric[of_it], path, least=least)


def selected() -> Iterator[tuple[Any, str, str]]:
    """The first form of each architecture with every activation, and all forms with every normalization."""
    for name in registry.names("architecture"):
        for form in small(name):
            yield from ((form, "softplus", normalization) for normalization in registry.names("normalization"))
        yield from ((small(name)[0], activation, "none") for activation in registry.names("activation"))


@pytest.mark.parametrize(("architecture", "activation", "normalization"), list(selected()), ids=str)
def test_network(architecture: Any, activation: str, normalization: str) -> None:
    check_network(
        {
            "architecture": architecture,
            "activation": variants(registry.load("activation", activation), 2),
            "normalization": variants(registry.load("normalization", normalization), 2),
        }
    )


@pytest.mark.parametrize("dropout", registry.names("dropout"))
@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=repr)
def test_network_with_dropout(architecture: Any, dropout: str) -> None:
    check_network({"architecture": architecture, "dropout": variants(registry.load("dropout", dropout), 2)})


def test_a_wrong_gradient_is_found() -> None:
    cls = registry.load("activation", "tanh")

    class Wrong(cls):
        def backward(self, dy: np.ndarray) -> np.ndarray:
            return super().backward(dy) * (1 + 1e-5)

    with pytest.raises(AssertionError):
        check_layer(Bench(Wrong(), Wrong()), (12,))
