"""Multilayer perceptron: linear layers of any number and width, with optional skip connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import MinLen

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.core.types import Size
from dltricks.layers.flatten import Flatten
from dltricks.layers.linear import Linear
from dltricks.layers.residual import Residual


@dataclass
class Mlp(Architecture):
    """flatten -> [linear -> normalization -> activation -> dropout] for each hidden width -> linear

    With ``residual`` every block whose input is as wide as its output adds its input to its output.

    Reference: Rumelhart, Hinton & Williams 1986, https://doi.org/10.1038/323533a0; He et al. 2015,
    https://arxiv.org/abs/1512.03385 (skip connections)
    Suggested: two hidden layers of 64 for small data, 256 to 512 for MNIST.
    Does not help when the input has structure, as images have, that a convolution would use.
    """

    hidden: Annotated[list[Size], MinLen(1)] = field(default_factory=lambda: [64, 64])
    """Widths of the hidden layers; the architecture ``linear`` has none."""
    residual: bool = False
    """Skip connections around blocks of equal width."""

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        layers: list[Layer] = [Flatten()] if len(shape) > 1 else []
        width = shape[0] if len(shape) == 1 else 0
        for hidden in self.hidden:
            block: list[Layer] = [Linear(hidden, **parts.kernel()), *parts.after_weights()]
            if self.residual and hidden == width:
                layers.append(Residual(Chain(block)))
            else:
                layers.extend(block)
            width = hidden
        if self.residual and not any(isinstance(layer, Residual) for layer in layers):
            raise UsageError(
                f"residual: true adds a block's input to its output, but no two neighbouring layers of hidden: "
                f"{self.hidden} are equally wide; repeat a width, or write residual: false"
            )
        return Chain([*layers, Linear(outputs, parts.initializer)])
