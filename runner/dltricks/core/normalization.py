"""Normalizations: "after applying the weights, before the activation"."""

from __future__ import annotations

from math import prod
from typing import ClassVar

import numpy as np

from dltricks.core.graph import Graph
from dltricks.core.layer import Layer, Shape
from dltricks.core.types import Array, Positive


class Normalization(Layer):
    """Base of all normalizations; those that act on the weights say so by ``on_weights``."""

    kind = "normalization"
    cancels_bias: ClassVar[bool] = False
    """True where a bias before it has no effect, so that the layer before leaves it out."""

    gain: Array
    dgain: Array
    bias: Array
    dbias: Array

    def affine(self, channels: int) -> None:
        """Asks for a gain, at first 1, and a bias, at first 0, for each channel."""
        self.parameter("gain", (channels,), "gain", 1.0)
        self.parameter("bias", (channels,), "bias", 0.0)


class SampleNormalization(Normalization):
    """Base of those that take each sample alone, in training as in evaluation, and give x^ a gain and a bias.

    ``hat`` is x^ in whatever shape its means are taken; the affine part sees it as ``rows`` (K, B * places, C).
    """

    hat: Array
    tmp: Array
    eps: Positive

    def bound(self) -> None:
        self.gain_row, self.dgain_row = self.gain[:, None], self.dgain[:, None]
        self.bias_row, self.dbias_row = self.bias[:, None], self.dbias[:, None]

    def allocate(self, shape: Shape) -> Shape:
        self.rows = (shape[0], prod(shape[1:-1]), shape[-1])
        self.y = self.buffer("y", shape)
        self.ones = np.ones((1, self.rows[1]), self.dtype)
        return shape

    def scaled(self) -> Array:
        """y = gain x^ + bias."""
        y = self.y.reshape(self.rows)
        np.multiply(self.hat.reshape(self.rows), self.gain_row, out=y)
        np.add(y, self.bias_row, out=y)
        return self.y

    def export_groups(self, graph: Graph, x: str, groups: int) -> str:
        """x^ over groups of neighbouring channels of each sample, with its gain and bias, as ONNX operators."""
        ones, zeros = graph.constant(np.ones(groups)), graph.constant(np.zeros(groups))
        apart = graph.node("Reshape", x, graph.numbers(0, groups, -1))
        hat = graph.node("InstanceNormalization", apart, ones, zeros, epsilon=graph.single(self.eps))
        *places, channels = self.in_shape
        hat = graph.node("Reshape", hat, graph.numbers(-1, channels, *places))
        scaled = graph.node("Mul", hat, graph.per_channel(self.gain[0], self.in_shape))
        return graph.node("Add", scaled, graph.per_channel(self.bias[0], self.in_shape))

    def unscaled(self, dy: Array) -> Array:
        """d = gain dy in the shape of x^, in the memory of dy; sets dgain = sum(dy x^) and dbias = sum(dy)."""
        d = dy.reshape(self.rows)
        np.matmul(self.ones, d, out=self.dbias_row)
        product = np.multiply(d, self.hat.reshape(self.rows), out=self.tmp.reshape(self.rows))
        np.matmul(self.ones, product, out=self.dgain_row)
        np.multiply(d, self.gain_row, out=d)
        return d.reshape(self.hat.shape)
