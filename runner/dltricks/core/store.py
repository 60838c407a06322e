"""One flat store: every parameter and its gradient is a view of a (K, P) array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from dltricks.core.memory import zeros
from dltricks.core.types import Array

Role = Literal["kernel", "bias", "gain"]


@dataclass
class Parameter:
    """A declared parameter: one replica's shape, and where it comes to lie."""

    path: str
    shape: tuple[int, ...]
    role: Role
    start: int = 0

    @property
    def size(self) -> int:
        return prod(self.shape)


class Store:
    """Parameters ``p`` and gradients ``g`` of K replicas as flat (K, P) arrays.

    Kernels come first, so that penalties reach them, and only them, as one slice.
    """

    def __init__(self, parameters: Sequence[Parameter], replicas: int, dtype: np.dtype) -> None:
        self.parameters = sorted(parameters, key=lambda parameter: parameter.role != "kernel")
        size = 0
        for parameter in self.parameters:
            parameter.start = size
            size += parameter.size
        self.kernels = slice(0, sum(p.size for p in self.parameters if p.role == "kernel"))
        self.dtype = dtype
        self.p: Array = zeros((replicas, size), dtype)
        self.g: Array = zeros((replicas, size), dtype)

    @property
    def replicas(self) -> int:
        return int(self.p.shape[0])

    @property
    def size(self) -> int:
        """P, the number of parameters of one replica."""
        return int(self.p.shape[1])

    def view(self, flat: Array, parameter: Parameter) -> Array:
        """The (K, *shape) view of one parameter in a flat (K, P) array."""
        part = flat[:, parameter.start : parameter.start + parameter.size]
        return np.reshape(part, (len(flat), *parameter.shape), copy=False)

    def views(self, flat: Array) -> list[tuple[Parameter, Array]]:
        """Every parameter with its view in a flat array, for rules that go layer by layer."""
        return [(parameter, self.view(flat, parameter)) for parameter in self.parameters]
