"""A trained network as a graph of ONNX operators, which layers write themselves into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dltricks.core.types import Array


@dataclass
class Node:
    """One operator: it makes the values named in ``outputs`` from those named in ``inputs``."""

    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


@dataclass
class Graph:
    """Nodes in the order of the forward pass. Values are names; constants are in float32 unless they say otherwise.

    Vectors are (batch, values). Images have their channels first here, (batch, channels, height, width), as ONNX has
    them, while layers keep them last.

    Reference: https://onnx.ai/onnx/operators (operator set 20)
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    layer: str = ""
    """The path of the layer that is writing."""

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Adds an operator of so many outputs and returns the name of the first one."""
        name = f"{self.layer or 'network'}/{operator}_{len(self.nodes)}"
        names = [name, *(f"{name}_{number}" for number in range(1, outputs))]
        self.nodes.append(Node(operator, list(inputs), names, attributes))
        return name

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        """Adds an array and returns its name."""
        name = f"{self.layer or 'network'}/constant_{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(array, dtype)
        return name

    def single(self, value: Any) -> float:
        """A numeric field of the one replica that is exported, as an operator's attribute."""
        return float(np.ravel(value)[0])

    def numbers(self, *numbers: int) -> str:
        """Adds whole numbers, such as a shape or axes, and returns their name."""
        return self.constant(numbers, np.int64)

    def per_channel(self, array: Array, sample: Sequence[int]) -> str:
        """Adds a value for each channel, to be combined with samples of that shape (in the order that layers have)."""
        return self.constant(np.reshape(array, (-1, *(1 for _ in sample[1:]))))
