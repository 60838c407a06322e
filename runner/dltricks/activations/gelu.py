"""GELU: weighs a value by the normal distribution's share below it."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Literal

import numpy as np

from dltricks.core.activation import Activation
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.types import Array

_SLOPE, _CUBIC = sqrt(2 / pi), 0.044715
_FAR = 1e4
"""A square of x beyond which tanh is 1 in any dtype; larger ones would only overflow."""


@dataclass
class Gelu(Activation):
    """y = x Phi(x)          dx = (Phi(x) + x phi(x)) dy

    Phi(x) is the share of the standard normal below x, phi(x) its density.
    With ``approximate: tanh``, Phi(x) is (1 + tanh(u)) / 2 where u = sqrt(2/pi) (x + 0.044715 x^3).

    Reference: Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415
    Suggested: with layer normalization; ``approximate: tanh`` is faster and differs by less than 1e-3.
    Does not help when the network is small and speed counts: relu trains about as well for a fraction of the cost.
    """

    approximate: Literal["none", "tanh"] = "none"

    def allocate(self, shape: Shape) -> Shape:
        if self.approximate == "none":
            from scipy.special import erfc  # only here, because scipy takes its time to import

            self.erfc = erfc
        else:
            self.square = self.buffer("square", shape)
        self.share, self.tmp = self.buffer("share", shape), self.buffer("tmp", shape)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        self.x = x
        if self.approximate == "none":
            np.multiply(x, -sqrt(0.5), out=self.share)
            self.erfc(self.share, out=self.share)
        else:
            np.multiply(x, x, out=self.square)
            np.minimum(self.square, _FAR, out=self.square)
            np.multiply(self.square, _SLOPE * _CUBIC, out=self.share)
            np.add(self.share, _SLOPE, out=self.share)
            np.multiply(self.share, x, out=self.share)
            np.tanh(self.share, out=self.share)
            np.add(self.share, 1, out=self.share)
        np.multiply(self.share, 0.5, out=self.share)
        return np.multiply(x, self.share, out=self.y)

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("Gelu", x, approximate=self.approximate)

    def backward(self, dy: Array) -> Array | None:
        x, tmp = self.x, self.tmp
        if self.approximate == "none":
            np.multiply(x, x, out=tmp)
            np.multiply(tmp, -0.5, out=tmp)
            np.exp(tmp, out=tmp)
            np.multiply(tmp, 1 / sqrt(2 * pi), out=tmp)
        else:
            # dPhi/dx = 2 Phi (1 - Phi) du/dx
            np.subtract(1, self.share, out=tmp)
            np.multiply(tmp, self.share, out=tmp)
            np.multiply(self.square, 6 * _SLOPE * _CUBIC, out=self.square)
            np.add(self.square, 2 * _SLOPE, out=self.square)
            np.multiply(tmp, self.square, out=tmp)
        np.multiply(tmp, x, out=tmp)
        np.add(tmp, self.share, out=tmp)
        return np.multiply(dy, tmp, out=dy)
