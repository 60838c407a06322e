"""Branches: chains side by side on the same input, their outputs concatenated along the channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.layer import Chain, Context, Layer, Shape
from dltricks.core.types import Array


@dataclass
class Branches(Layer):
    """y = [F1(x), F2(x), ...]          dx = F1'(x) dy1 + F2'(x) dy2 + ...

    An empty chain passes its input on.

    Reference: Szegedy et al. 2014, https://arxiv.org/abs/1409.4842
    """

    branches: list[Chain] = field(default_factory=lambda: [Chain()])

    def children(self) -> Sequence[tuple[str, Layer]]:
        return [(f"branch{i}", branch) for i, branch in enumerate(self.branches, 1)]

    def declare(self, shape: Shape) -> Shape:
        outs = [branch.declare(shape) for branch in self.branches]
        if len({out[:-1] for out in outs}) != 1:
            raise UsageError(f"branches must agree in height and width to be concatenated, but theirs are {outs}")
        self.parts = [slice(*edge) for edge in pairwise(accumulate((out[-1] for out in outs), initial=0))]
        return (*outs[0][:-1], self.parts[-1].stop)

    def operations(self, shape: Shape) -> int:
        return 0

    def allocate(self, shape: Shape) -> Shape:
        outs = [branch.allocate(shape) for branch in self.branches]
        self.y = self.buffer("y", (*outs[0][:-1], self.parts[-1].stop))
        self.dys = [self.buffer(f"dy{i}", out) for i, out in enumerate(outs)]
        if self.needs_dx:
            self.dx = self.buffer("dx", shape)
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        for branch, part in zip(self.branches, self.parts, strict=True):
            self.y[..., part] = branch.forward(x, context)
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        parts = [branch.export(graph, x) for branch in self.branches]
        graph.layer = self.path
        return graph.node("Concat", *parts, axis=1)

    def backward(self, dy: Array) -> Array | None:
        # All at once, before a branch can take the memory of dy; and a layer expects a contiguous gradient.
        for part, own in zip(self.parts, self.dys, strict=True):
            np.copyto(own, dy[..., part])
        total: Array | None = None
        for branch, own in zip(self.branches, self.dys, strict=True):
            inner = branch.backward(own)
            if self.needs_dx:
                assert inner is not None
                if total is None:
                    np.copyto(self.dx, inner)
                    total = self.dx
                else:
                    np.add(total, inner, out=total)
        return total
