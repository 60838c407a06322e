"""Residual: adds its input to what the layers inside make of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.layer import Chain, Context, Layer, Shape
from dltricks.core.types import Array, Rate
from dltricks.layers.stochastic_depth import StochasticDepth


@dataclass
class Residual(Layer):
    """y = F(x) + S(x)          dx = F'(x) dy + S'(x) dy

    The shortcut S is the identity where it is empty. Where the body changes the shape, the shortcut must do so as well,
    by a projection for instance. With a rate, stochastic depth leaves F out at random.

    Reference: He et al. 2015, https://arxiv.org/abs/1512.03385
    """

    body: Chain = field(default_factory=Chain)
    shortcut: Chain = field(default_factory=Chain)
    rate: Rate = 0.0

    def attach(self, path: str, *rest: Any) -> None:
        super().attach(path, *rest)
        # No child: replicas with a rate of 0 must find the same layers alone, where it does nothing, as in a stack.
        self.depth = StochasticDepth(self.rate)
        self.depth.attach(f"{path}.depth", iter([self.index]), *rest[1:])
        self.leaves_out = bool(np.any(np.asarray(self.rate) > 0))

    def children(self) -> Sequence[tuple[str, Layer]]:
        return [("body", self.body), *[("shortcut", self.shortcut)] * bool(self.shortcut.layers)]

    def declare(self, shape: Shape) -> Shape:
        self.rectifies = self.compiled
        out, beside = self.body.declare(shape), self.shortcut.declare(shape)
        if out != beside:
            kept = "its input's shape" if beside == shape else f"the shape that its shortcut gives, {beside}"
            raise UsageError(f"a residual block must keep {kept}: {shape} became {out}")
        return out

    def operations(self, shape: Shape) -> int:
        return prod(self.out_shape)

    def allocate(self, shape: Shape) -> Shape:
        self.y = self.buffer("y", self.body.allocate(shape))
        if self.leaves_out:
            self.depth.allocate(self.y.shape)
        self.shortcut.allocate(shape)
        return self.y.shape

    def arenas(self) -> Collection[Array]:
        return [*super().arenas(), *self.depth.arenas()]

    def forward(self, x: Array, context: Context) -> Array:
        beside, inner = self.shortcut.forward(x, context), self.body.forward(x, context)
        if self.leaves_out:
            inner = self.depth.forward(inner, context)
        self.cut = self.joined and context.watch is None
        return self._add(inner, beside, self.y, self.cut)

    def export(self, graph: Graph, x: str) -> str:
        beside = self.shortcut.export(graph, x)
        inner = self.body.export(graph, x)
        graph.layer = self.path
        return graph.node("Add", inner, beside)

    def backward(self, dy: Array) -> Array | None:
        dy = np.ascontiguousarray(dy)
        own = self.workspace.apart(dy.shape, dy)  # the body may overwrite dy
        if self.compiled:
            from dltricks.compiled.elementwise import split

            split(self.y, dy, own, self.cut)
        else:
            np.copyto(own, dy)
        inner = self.depth.backward(dy) if self.leaves_out else dy
        assert inner is not None
        with self.workspace.holding(own):
            inner = self.body.backward(inner)
        with self.workspace.holding(inner):
            beside = self.shortcut.backward(own)
        if inner is None or beside is None:
            return None
        return self._add(beside, inner, beside, False)

    def _add(self, a: Array, b: Array, out: Array, cut: bool) -> Array:
        if self.compiled:
            from dltricks.compiled.elementwise import add

            add(a, b, out, cut)
            return out
        return np.add(a, b, out=out)
