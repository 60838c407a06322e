"""Losses: the value to be lowered, and its gradient."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from dltricks.core.component import Component
from dltricks.core.dataset import Task
from dltricks.core.graph import Graph
from dltricks.core.memory import zeros
from dltricks.core.types import Array


class Loss(Component):
    """Base. Targets are (K, B, C): one-hot or soft class shares, or the numbers to be predicted."""

    kind = "loss"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    dz: Array
    tmp: Array
    top: Array | None = None
    """Where a loss looks for each sample's largest output anyway: its place (K, B), of the last ``forward``."""

    def allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Makes the buffers for outputs of shape (K, B, C): ``dz`` for the gradient, ``tmp`` to work in."""
        if getattr(self, "_shape", None) != (shape, dtype):
            self._shape = (shape, dtype)
            self.dz = zeros(shape, dtype)
            self.tmp = zeros(shape, dtype)
            self.inverse_batch: Array = np.asarray(1 / shape[1], dtype)
            self.prepare(shape, dtype)

    def prepare(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Further buffers and the columns of hyperparameters."""

    @abstractmethod
    def forward(self, z: Array, target: Array) -> Array:
        """Each sample's loss (K, B) of the network's outputs z (K, B, C); neither argument is changed."""

    @abstractmethod
    def backward(self) -> Array:
        """The gradient (K, B, C), with respect to z, of the mean over the batch of the last ``forward``."""

    def export(self, graph: Graph, z: str, classes: int) -> str:
        """Writes ``probabilities`` of the outputs z of so many classes into a graph; returns their name."""
        return graph.node("Softmax", z, axis=-1)

    def probabilities(self, z: Array) -> Array:
        """Class shares (..., C) for outputs z: the softmax; of use for classification only."""
        shifted = np.exp(z - z.max(-1, keepdims=True))
        return np.asarray(shifted / shifted.sum(-1, keepdims=True))
