"""Global average pooling: each channel becomes its mean over the image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.pooling import take_images
from dltricks.core.types import Array


@dataclass
class GlobalAveragePool(Layer):
    """y = mean of x over all places, for each channel          dx = dy / places, at each of them

    x (K, B, H, W, C), y (K, B, C): the image's size no longer matters to what follows.

    Reference: Lin, Chen & Yan 2013, https://arxiv.org/abs/1312.4400
    """

    def declare(self, shape: Shape) -> Shape:
        take_images(shape)
        return (shape[-1],)

    def allocate(self, shape: Shape) -> Shape:
        replicas, batch, places, channels = shape[0], shape[1], prod(shape[2:4]), shape[-1]
        self.flat = (replicas, batch, places, channels)
        self.average = np.full((1, places), 1 / places, self.dtype)
        self.y = self.buffer("y", (replicas, batch, channels))
        self.shape = shape
        return self.y.shape

    def forward(self, x: Array, context: Context) -> Array:
        np.matmul(self.average, x.reshape(self.flat), out=self.y[:, :, None])
        return self.y

    def export(self, graph: Graph, x: str) -> str:
        return graph.node("ReduceMean", x, graph.numbers(2, 3), keepdims=0)

    def backward(self, dy: Array) -> Array | None:
        np.multiply(dy, self.average[0, 0], out=dy)
        dx = self.workspace.apart(self.shape, dy)
        dx.reshape(self.flat)[...] = dy[:, :, None]
        return dx
