"""LeNet-5: two convolutions with pooling, then three linear layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.layers.average_pool import AveragePool
from dltricks.layers.convolution import Convolution
from dltricks.layers.flatten import Flatten
from dltricks.layers.linear import Linear
from dltricks.layers.max_pool import MaxPool

SMALLEST = 12


@dataclass
class Lenet(Architecture):
    """5x5x6 -> pool -> 5x5x16 -> pool -> flatten -> dropout -> linear 120 -> dropout -> linear 84 -> dropout -> linear

    Normalization and activation follow each convolution and each linear layer but the last. Images of less than 32x32
    get a border of 2 pixels, as MNIST's 28x28 become 32x32 in the paper: 61,706 parameters for either. The dropout
    ``spatial`` stands behind the activation of each convolution, every other one before each linear layer.

    Reference: LeCun, Bottou, Bengio & Haffner 1998, https://doi.org/10.1109/5.726791
    Suggested: the activation ``tanh`` as in the paper, or relu and ``pooling: max``, which are more accurate.
    Does not help when images are photographs: it has too few filters for them.
    Deviation: the paper scales and shifts each pooled channel by two learned numbers, connects the second convolution
    to chosen channels only, and ends in radial basis functions.
    """

    pooling: Literal["average", "max"] = "average"

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        height, across, _ = self.image(shape)
        smallest = min(height, across)
        if smallest < SMALLEST:
            raise UsageError(
                f"architecture: nothing is left of images of {height}x{across} after lenet's convolutions and pools, "
                f"which need {SMALLEST}x{SMALLEST}; write architecture: cnn"
            )
        pool = AveragePool if self.pooling == "average" else MaxPool
        layers: list[Layer] = []
        for filters, padding in ((6, 2 if smallest < 32 else 0), (16, 0)):
            layers += [
                Convolution(filters, 5, padding=padding, **parts.kernel()),
                *parts.after_convolution(),
                pool(2, 2),
            ]
        layers += [Flatten(), *parts.drop_values()]
        for width in (120, 84):
            layers += [
                Linear(width, **parts.kernel()),
                *parts.normalize(),
                *parts.activate(),
                *parts.drop_values(),
            ]
        return Chain([*layers, Linear(outputs, parts.initializer)])
