"""Identity: no activation at all, which makes any network a linear one."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.types import Array


@dataclass
class Identity(Activation):
    """y = x          dx = dy

    Reference: Saxe, McClelland & Ganguli 2014, https://arxiv.org/abs/1312.6120 (what deep linear networks teach)
    Suggested: to show what the nonlinearity is for.
    Does not help when anything but a linear function has to be learned.
    """

    def allocate(self, shape: Shape) -> Shape:
        return shape

    def forward(self, x: Array, context: Context) -> Array:
        return x

    def export(self, graph: Graph, x: str) -> str:
        return x

    def backward(self, dy: Array) -> Array | None:
        return dy
