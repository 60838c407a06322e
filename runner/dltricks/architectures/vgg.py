"""VGG: stages of 3x3 convolutions, each with twice the filters at half the size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import MinLen

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.core.types import Size
from dltricks.layers.convolution import Convolution
from dltricks.layers.flatten import Flatten
from dltricks.layers.linear import Linear
from dltricks.layers.max_pool import MaxPool

MOST = 8
"""The last stages have this many times the first one's filters, and no more."""


@dataclass
class Vgg(Architecture):
    """[[3x3 -> norm -> act] as often as the stage says -> pool] for each stage -> flatten -> dropout
    -> [linear -> norm -> act -> dropout] for each hidden width -> linear

    Stage s has min(8, 2^s) width filters, counted from 0. The paper's networks have a width of 64 and hidden widths of
    4096 and 4096; in the order of their number of layers with weights their stages are [1, 1, 2, 2, 2] (VGG-11),
    [2, 2, 2, 2, 2] (13), [2, 2, 3, 3, 3] (16), [2, 2, 4, 4, 4] (19). The dropout ``spatial`` stands behind the
    activation of each convolution, every other one before each linear layer.

    Reference: Simonyan & Zisserman 2015, https://arxiv.org/abs/1409.1556
    Suggested: batch normalization, which the paper did not have; stages until the image has 2 to 4 pixels a side.
    Does not help when memory or time counts: a resnet is as accurate for a fraction of the parameters.
    """

    stages: Annotated[list[Size], MinLen(1)] = field(default_factory=lambda: [2, 2, 3])
    """Convolutions in each stage."""
    width: Size = 64
    """Filters of the first stage."""
    hidden: list[Size] = field(default_factory=lambda: [512])
    """Widths of the linear layers before the last one."""

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        height, across, _ = self.image(shape)
        possible = min(height, across).bit_length() - 1
        if len(self.stages) > possible:
            raise UsageError(
                f"architecture.stages: each stage halves the image, and {height}x{across} can be halved {possible} "
                f"times; found {len(self.stages)} stages"
            )
        layers: list[Layer] = []
        for stage, convolutions in enumerate(self.stages):
            for _ in range(convolutions):
                filters = self.width * min(MOST, 2**stage)
                layers += [Convolution(filters, 3, **parts.kernel()), *parts.after_convolution()]
            layers.append(MaxPool(2, 2))
        layers += [Flatten(), *parts.drop_values()]
        for width in self.hidden:
            layers += [Linear(width, **parts.kernel()), *parts.normalize(), *parts.activate(), *parts.drop_values()]
        return Chain([*layers, Linear(outputs, parts.initializer)])
