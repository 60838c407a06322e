"""RMS normalization: every sample is divided by its root mean square."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.normalization import Normalization
from dltricks.core.types import Array, Positive


@dataclass
class Rms(Normalization):
    """x^ = x / sqrt(mean(x^2) + eps) over one sample's values          y = gain x^, for each channel
    dx = (d - x^ mean(d x^)) / sqrt(mean(x^2) + eps)          where d = gain dy

    Layer normalization without the mean and without a bias of its own.

    Reference: Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467
    Suggested: in place of ``layer``, to save its passes over memory.
    Does not help when the mean carries a large part of the values: it is not taken out.
    PyTorch's eps is by default the dtype's machine epsilon. Of an image, all places and channels share one root mean
    square, and gains are per channel.
    """

    eps: Positive = 1e-5

    def declare(self, shape: Shape) -> Shape:
        self.parameter("gain", (shape[-1],), "gain", 1.0)
        return shape

    def bound(self) -> None:
        self.gain_row, self.dgain_row = self.gain[:, None], self.dgain[:, None]

    def allocate(self, shape: Shape) -> Shape:
        replicas, batch, values = shape[0], shape[1], prod(shape[2:])
        # The same memory twice: a row for each sample, and a row for each place of each sample.
        self.samples = (replicas, batch, values)
        self.places = (replicas, prod(shape[1:-1]), shape[-1])
        self.y = self.buffer("y", shape)
        self.hat, self.tmp = self.buffer("hat", self.samples), self.buffer("tmp", self.samples)
        self.ones = np.ones((1, self.places[1]), self.dtype)
        self.mean = self.buffer("mean", (replicas, batch, 1))
        self.inverse = self.buffer("inverse", (replicas, batch, 1))
        self.c_eps = self.column(self.eps, 3)
        return shape

    def forward(self, x: Array, context: Context) -> Array:
        x = x.reshape(self.samples)
        np.vecdot(x, x, out=self.inverse[..., 0])
        np.multiply(self.inverse, 1 / self.samples[2], out=self.inverse)
        np.add(self.inverse, self.c_eps, out=self.inverse)
        np.sqrt(self.inverse, out=self.inverse)
        np.reciprocal(self.inverse, out=self.inverse)
        np.multiply(x, self.inverse, out=self.hat)
        np.multiply(self.hat.reshape(self.places), self.gain_row, out=self.y.reshape(self.places))
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        square = graph.node("ReduceMean", graph.node("Mul", x, x), graph.numbers(*range(1, len(self.in_shape) + 1)))
        root = graph.node("Sqrt", graph.node("Add", square, graph.constant(graph.single(self.eps))))
        return graph.node("Mul", graph.node("Div", x, root), graph.per_channel(self.gain[0], self.in_shape))

    def backward(self, dy: Array) -> Array | None:
        shape, tmp, hat = dy.shape, self.tmp, self.hat
        d = dy.reshape(self.places)
        product = np.multiply(d, hat.reshape(self.places), out=tmp.reshape(self.places))
        np.matmul(self.ones, product, out=self.dgain_row)
        np.multiply(d, self.gain_row, out=d)
        d = d.reshape(self.samples)
        np.vecdot(d, hat, out=self.mean[..., 0])
        np.multiply(self.mean, 1 / self.samples[2], out=self.mean)
        np.multiply(hat, self.mean, out=tmp)
        np.subtract(d, tmp, out=d)
        return np.multiply(d, self.inverse, out=d).reshape(shape)
