"""Layer normalization: every sample gets mean 0 and variance 1 over its own values."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.normalization import SampleNormalization
from dltricks.core.types import Array, Positive


@dataclass
class Layer(SampleNormalization):
    """m = mean(x), v = mean((x - m)^2) over one sample's values
    x^ = (x - m) / sqrt(v + eps)          y = gain x^ + bias, for each channel
    dx = (d - mean(d) - x^ mean(d x^)) / sqrt(v + eps)          where d = gain dy

    Training and evaluation do the same.

    Reference: Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450
    Suggested: small batches, and wherever a sample must not depend on its batch.
    Does not help when layers are narrow: a few values say little about their mean and variance.
    Of an image, all places and channels share one mean and variance, and gains are per channel, as in PyTorch's
    GroupNorm with one group; PyTorch's LayerNorm would give every place a gain of its own.
    """

    eps: Positive = 1e-5

    def declare(self, shape: Shape) -> Shape:
        self.affine(shape[-1])
        return shape

    def allocate(self, shape: Shape) -> Shape:
        replicas, batch, values = shape[0], shape[1], prod(shape[2:])
        self.samples = (replicas, batch, values)
        self.hat, self.tmp = self.buffer("hat", self.samples), self.buffer("tmp", self.samples)
        self.average = np.full((values, 1), 1 / values, self.dtype)
        self.mean = self.buffer("mean", (replicas, batch, 1))
        self.inverse = self.buffer("inverse", (replicas, batch, 1))
        self.c_eps = self.column(self.eps, 3)
        return super().allocate(shape)

    def forward(self, x: Array, context: Context) -> Array:
        x, hat = x.reshape(self.samples), self.hat
        np.matmul(x, self.average, out=self.mean)
        np.subtract(x, self.mean, out=hat)
        np.vecdot(hat, hat, out=self.inverse[..., 0])
        np.multiply(self.inverse, 1 / self.samples[2], out=self.inverse)
        np.add(self.inverse, self.c_eps, out=self.inverse)
        np.sqrt(self.inverse, out=self.inverse)
        np.reciprocal(self.inverse, out=self.inverse)
        np.multiply(hat, self.inverse, out=hat)
        return self.scaled()

    def export(self, graph: Graph, x: str) -> str:
        return self.export_groups(graph, x, 1)

    def backward(self, dy: Array) -> Array | None:
        d, tmp, hat = self.unscaled(dy), self.tmp, self.hat
        np.matmul(d, self.average, out=self.mean)
        np.subtract(d, self.mean, out=tmp)
        np.vecdot(d, hat, out=self.mean[..., 0])
        np.multiply(self.mean, 1 / self.samples[2], out=self.mean)
        np.multiply(hat, self.mean, out=d)
        np.subtract(tmp, d, out=d)
        return np.multiply(d, self.inverse, out=d).reshape(dy.shape)
