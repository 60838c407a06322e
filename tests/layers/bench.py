"""Single layers as the engine would run them, for tests."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields
from itertools import count
from typing import Any

import numpy as np

import dltricks.layers
from dltricks.core import registry
from dltricks.core.component import Component, numeric_fields, stack
from dltricks.core.errors import UsageError
from dltricks.core.layer import Context, Layer
from dltricks.core.store import Store
from dltricks.engine.recipe import Seeds
from dltricks.engine.streams import words
from dltricks.layers.linear import Linear

COMPILED = False
"""Whether benches use compiled kernels where they are not told; tests in ``compiled`` turn it."""
SHAPES = ((12,), (3, 2, 8))
"""A vector, and an image of height 3, width 2 and 8 channels."""


def layer_classes() -> list[type[Layer]]:
    """Every layer that exists: the selectable kinds, and those that architectures use."""
    found = [registry.load(kind, name) for kind in ("activation", "normalization", "dropout") for name in names(kind)]
    for module in pkgutil.iter_modules(dltricks.layers.__path__):
        loaded = importlib.import_module(f"dltricks.layers.{module.name}")
        found += [c for c in vars(loaded).values() if isinstance(c, type) and c.__module__ == loaded.__name__]
    return found


def names(kind: str) -> list[str]:
    """The tricks of a kind, without those that leave themselves out."""
    return [name for name in registry.names(kind) if not getattr(registry.load(kind, name), "absent", False)]


def smaller(component: Component) -> Component:
    """The component with every width and count of its defaults cut to 12."""

    def cut(value: Any) -> Any:
        if isinstance(value, list):
            return [cut(item) for item in value]
        return min(value, 12) if type(value) is int else value

    for field in fields(component):
        if field.init:
            setattr(component, field.name, cut(getattr(component, field.name)))
    return component


def variants(cls: type[Any], replicas: int) -> list[Any]:
    """Components that differ in every numeric field and stay within any bounds that the default keeps."""
    made = [smaller(cls()) for _ in range(replicas)]
    for name in numeric_fields(cls):
        default = getattr(made[0], name)
        for k, component in enumerate(made):
            setattr(component, name, default * (1 - 0.3 * k) if default else 0.1 * k)
    return made


class Bench:
    """One layer of K replicas with parameters at random values; a layer on weights sits inside a linear one."""

    def __init__(
        self,
        *layers: Any,
        shape: tuple[int, ...] = SHAPES[0],
        dtype: Any = np.float64,
        width: int = 5,
        compiled: bool | None = None,
    ) -> None:
        first = layers[0]
        self.sample = shape
        self.trick: Layer = stack(layers) if numeric_fields(type(first)) else first.fresh()
        self.layer = Linear(width, transforms=[self.trick]) if first.on_weights else self.trick
        self.seeds = [Seeds.all(k) for k in range(len(layers))]
        self.layer.attach("layer", count(), len(layers), np.dtype(dtype), COMPILED if compiled is None else compiled)
        self.layer.declare(shape)
        self.declarations = [d for layer in self.layer.walk() for d in layer.declarations]
        self.store = Store([d.parameter for d in self.declarations], len(layers), np.dtype(dtype))
        self.shape: tuple[int, ...] = ()
        self.context = Context(training=True, epoch=3, step=7, words=self._words)
        rng = np.random.default_rng(5)
        for layer in self.layer.walk():
            for d in layer.declarations:
                view = self.store.view(self.store.p, d.parameter)
                view[...] = rng.normal(1.0 if d.parameter.role == "gain" else 0.0, 0.4, view.shape[1:])
                setattr(layer, d.name, view)
                setattr(layer, "d" + d.name, self.store.view(self.store.g, d.parameter))
            layer.bound()

    def _words(self, layer: int, position: int, amount: int) -> tuple[np.ndarray, np.ndarray]:
        return words(self.seeds, self.context.epoch, layer, position, amount)

    def only(self, k: int) -> None:
        """Draws the random numbers of replica k of a stack."""
        self.seeds = [Seeds.all(k)]

    def forward(self, x: np.ndarray) -> np.ndarray:
        if x.shape != self.shape:
            self.layer.allocate(x.shape)
            self.shape = x.shape
        self.context.batch_size = x.shape[1]
        return self.layer.forward(x, self.context)

    def step(self, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(y, dx, parameters' gradients) as copies."""
        y = self.forward(x).copy()
        dx = self.layer.backward(dy.copy())
        assert dx is not None
        return y, dx.copy(), self.store.g.copy()

    def outputs(self, x: np.ndarray) -> tuple[int, ...]:
        """The outputs' shape, found by an evaluation, which leaves running statistics alone."""
        training, self.context.training = self.context.training, False
        shape = self.forward(x).shape
        self.context.training = training
        return shape


def benches(cls: type[Any], replicas: int, **options: Any) -> Iterator[Bench]:
    """One bench for each shape of sample that the layer takes."""
    for shape in SHAPES:
        try:
            yield Bench(*variants(cls, replicas), shape=shape, **options)
        except UsageError:
            continue


def inputs(replicas: int, batch: int, shape: tuple[int, ...], dtype: Any = np.float64, seed: int = 0) -> np.ndarray:
    """Values of either sign that keep their distance from 0, where many layers have a corner."""
    rng = np.random.default_rng(seed)
    size = (replicas, batch, *shape)
    return (rng.choice([-1.0, 1.0], size) * rng.uniform(0.2, 2.0, size)).astype(dtype)
