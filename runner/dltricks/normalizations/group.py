"""Group normalization: mean 0 and variance 1 over groups of channels of one sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Shape
from dltricks.core.normalization import SampleNormalization
from dltricks.core.types import Array, Positive, Size


@dataclass
class Group(SampleNormalization):
    """m = mean(x), v = mean((x - m)^2) over a group of neighbouring channels (and the places of an image)
    x^ = (x - m) / sqrt(v + eps)          y = gain x^ + bias, for each channel
    dx = (d - mean(d) - x^ mean(d x^)) / sqrt(v + eps)          where d = gain dy

    One group is layer normalization, as many groups as channels is instance normalization.

    Reference: Wu & He 2018, https://arxiv.org/abs/1803.08494
    Suggested: 16 channels to a group or 32 groups, where memory allows only small batches.
    Does not help when batches are large: batch normalization then does better.
    """

    groups: Size = 4
    eps: Positive = 1e-5

    def declare(self, shape: Shape) -> Shape:
        channels = shape[-1]
        if channels % self.groups:
            fitting = [n for n in range(1, channels + 1) if channels % n == 0]
            nearest = min(fitting, key=lambda n: abs(n - self.groups))
            raise UsageError(
                f"normalization.groups: {self.path} has {channels} channels, which cannot be split into {self.groups} "
                f"equal groups; the nearest number that divides them is {nearest}"
            )
        self.affine(channels)
        return shape

    def allocate(self, shape: Shape) -> Shape:
        replicas, batch, places, channels = shape[0], shape[1], prod(shape[2:-1]), shape[-1]
        self.full = (replicas, batch, places, channels)
        self.hat, self.tmp = self.buffer("hat", self.full), self.buffer("tmp", self.full)
        self.over_places = np.full((1, places), 1 / places, self.dtype)
        size = channels // self.groups
        self.groupwise = (replicas, batch * self.groups, size)
        self.over_group = np.full((size, 1), 1 / size, self.dtype)
        self.channel_means = self.buffer("channel_means", (replicas, batch, 1, channels))
        self.group_means = self.buffer("group_means", (replicas, batch * self.groups, 1))
        self.mean = self.buffer("mean", (replicas, batch, 1, channels))
        self.inverse = self.buffer("inverse", (replicas, batch, 1, channels))
        self.c_eps = self.column(self.eps, 3)
        return super().allocate(shape)

    def _means(self, a: Array) -> Array:
        """Means (K, B * groups, 1) of a (K, B, places, C) over places and the channels of each group."""
        if a.shape[2] > 1:
            a = np.matmul(self.over_places, a, out=self.channel_means)
        return np.matmul(a.reshape(self.groupwise), self.over_group, out=self.group_means)

    def _spread(self, means: Array, out: Array) -> Array:
        """Each group's value at all its channels: ``out`` (K, B, 1, C)."""
        out.reshape(self.groupwise)[...] = means
        return out

    def forward(self, x: Array, context: Context) -> Array:
        x, hat = x.reshape(self.full), self.hat
        np.subtract(x, self._spread(self._means(x), self.mean), out=hat)
        variance = self._means(np.multiply(hat, hat, out=self.tmp))
        np.add(variance, self.c_eps, out=variance)
        np.sqrt(variance, out=variance)
        np.reciprocal(variance, out=variance)
        np.multiply(hat, self._spread(variance, self.inverse), out=hat)
        return self.scaled()

    def export(self, graph: Graph, x: str) -> str:
        return self.export_groups(graph, x, self.groups)

    def backward(self, dy: Array) -> Array | None:
        d, tmp, hat = self.unscaled(dy), self.tmp, self.hat
        np.multiply(d, hat, out=tmp)
        np.subtract(d, self._spread(self._means(d), self.mean), out=d)
        np.multiply(hat, self._spread(self._means(tmp), self.mean), out=tmp)
        np.subtract(d, tmp, out=d)
        return np.multiply(d, self.inverse, out=d).reshape(dy.shape)
