"""Mean squared error: the natural loss of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dltricks.core.graph import Graph
from dltricks.core.loss import Loss
from dltricks.core.types import Array


@dataclass
class Mse(Loss):
    """L = mean_c (z_c - t_c)^2          dL/dz = 2 (z - t) / C

    A mean over the outputs as well as the batch, as in PyTorch. For classes the targets are 0 and 1, and predicted
    shares are those nearest to z that are not negative and sum to one.

    Reference: Brier 1950, https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2 (for classes)
    Suggested: regression with normal errors; classes with noisy labels.
    Does not help when a few targets are far off: squared, they rule the gradient; huber bounds them.
    """

    tasks = ("classification", "regression")

    def prepare(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.inverse_outputs: Array = np.asarray(1 / shape[2], dtype)
        self.slope: Array = np.asarray(2 / (shape[1] * shape[2]), dtype)

    def forward(self, z: Array, target: Array) -> Array:
        np.subtract(z, target, out=self.tmp)
        return np.asarray(np.vecdot(self.tmp, self.tmp) * self.inverse_outputs)

    def backward(self) -> Array:
        return np.multiply(self.tmp, self.slope, out=self.dz)

    def export(self, graph: Graph, z: str, classes: int) -> str:
        # The amount is the largest excess: it grows as long as one more value is kept, and shrinks behind that.
        descending = graph.node("TopK", z, graph.numbers(classes), axis=-1, outputs=2)
        sums = graph.node("CumSum", descending, graph.constant(-1, np.int64))
        counts = graph.constant(np.arange(1, classes + 1))
        excess = graph.node("Div", graph.node("Sub", sums, graph.constant(1)), counts)
        amount = graph.node("ReduceMax", excess, graph.numbers(-1))
        return graph.node("Relu", graph.node("Sub", z, amount))

    def probabilities(self, z: Array) -> Array:
        # Duchi et al. 2008, https://doi.org/10.1145/1390156.1390191: take the same amount from all, then cut at 0.
        descending = -np.sort(-z, -1)
        excess = (np.cumsum(descending, -1) - 1) / np.arange(1, z.shape[-1] + 1)
        kept = np.count_nonzero(descending > excess, -1, keepdims=True)
        return np.asarray(np.maximum(z - np.take_along_axis(excess, kept - 1, -1), 0))
