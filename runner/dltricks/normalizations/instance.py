"""Instance normalization: mean 0 and variance 1 over each channel of one image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.normalization import SampleNormalization
from dltricks.core.types import Array, Positive


@dataclass
class Instance(SampleNormalization):
    """m = mean(x), v = mean((x - m)^2) over the places of one image's channel
    x^ = (x - m) / sqrt(v + eps)          y = gain x^ + bias, for each channel
    dx = gain (dy - mean(dy) - x^ mean(dy x^)) / sqrt(v + eps)

    Training and evaluation do the same. It needs images; in a vector every channel is one value.

    Reference: Ulyanov, Vedaldi & Lempitsky 2016, https://arxiv.org/abs/1607.08022
    Suggested: where the contrast of an image should not count.
    Does not help when contrast and brightness tell the classes apart: it takes them out.
    PyTorch's has neither gain nor bias by default; this is ``affine=True``.
    """

    eps: Positive = 1e-5

    cancels_bias = True

    def declare(self, shape: Shape) -> Shape:
        if len(shape) < 2:
            raise UsageError(
                f"normalization: instance normalization ({self.path}) needs images (height, width, channels), "
                f"not vectors of {shape[0]} values; use layer or group normalization"
            )
        if prod(shape[:-1]) == 1:
            raise UsageError(
                f"normalization: instance normalization ({self.path}) of images of a single pixel is always zero"
            )
        self.affine(shape[-1])
        return shape

    def allocate(self, shape: Shape) -> Shape:
        replicas, batch, places, channels = shape[0], shape[1], prod(shape[2:-1]), shape[-1]
        self.full = (replicas, batch, places, channels)
        self.hat, self.tmp = self.buffer("hat", self.full), self.buffer("tmp", self.full)
        self.average = np.full((1, places), 1 / places, self.dtype)
        self.mean = self.buffer("mean", (replicas, batch, 1, channels))
        self.inverse = self.buffer("inverse", (replicas, batch, 1, channels))
        self.c_eps = self.column(self.eps, 4)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        x, hat = x.reshape(self.full), self.hat
        np.matmul(self.average, x, out=self.mean)
        np.subtract(x, self.mean, out=hat)
        np.multiply(hat, hat, out=self.tmp)
        np.matmul(self.average, self.tmp, out=self.inverse)
        np.add(self.inverse, self.c_eps, out=self.inverse)
        np.sqrt(self.inverse, out=self.inverse)
        np.reciprocal(self.inverse, out=self.inverse)
        np.multiply(hat, self.inverse, out=hat)
        return self.scaled()

    def export(self, graph: Graph, x: str) -> str:
        gain, bias = graph.constant(self.gain[0]), graph.constant(self.bias[0])
        return graph.node("InstanceNormalization", x, gain, bias, epsilon=graph.single(self.eps))

    def backward(self, dy: Array) -> Array | None:
        d, tmp, hat = self.unscaled(dy), self.tmp, self.hat
        np.multiply(d, hat, out=tmp)
        np.matmul(self.average, d, out=self.mean)
        np.subtract(d, self.mean, out=d)
        np.matmul(self.average, tmp, out=self.mean)
        np.multiply(hat, self.mean, out=tmp)
        np.subtract(d, tmp, out=d)
        return np.multiply(d, self.inverse, out=d).reshape(dy.shape)
