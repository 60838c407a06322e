"""ResNet: blocks of two convolutions, each of which adds its input to its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.core.types import Rate, Size
from dltricks.layers.convolution import Convolution
from dltricks.layers.global_average_pool import GlobalAveragePool
from dltricks.layers.linear import Linear
from dltricks.layers.residual import Residual
from dltricks.layers.shrink import Shrink


@dataclass
class Resnet(Architecture):
    """3x3 -> n blocks of w filters -> n of 2 w, half the size -> n of 4 w, a quarter
    -> mean over places -> dropout -> linear          depth = 6 n + 2
    v1:            x ─┬─ 3x3 ─ norm ─ act ─ 3x3 ─ norm ─ + ─ act ─►
                      └───────────── shortcut ───────────┘
    preactivation: x ─┬─ norm ─ act ─ 3x3 ─ norm ─ act ─ 3x3 ─ + ─►
                      └──────────────── shortcut ──────────────┘

    The first convolution of v1 has normalization and activation behind it, preactivation has them before the mean. The
    dropout ``spatial`` stands between the two convolutions of each block, every other one before the linear layer.

    Reference: He et al. 2016, https://arxiv.org/abs/1512.03385 (section 4.2: for CIFAR-10, with 0.27 million parameters
    at depth 20 and 0.85 at 56), and https://arxiv.org/abs/1603.05027 (preactivation); stochastic depth: Huang et al.
    2016, https://arxiv.org/abs/1603.09382
    Suggested: batch normalization, momentum 0.1 with penalty l2 1e-4, flip and crop.
    Does not help when a few layers are enough: skips make depth trainable, they do not make it necessary.
    """

    depth: Literal[8, 14, 20, 32, 44, 56] = 20
    """Layers with weights."""
    width: Size = 16
    """Filters of the first third."""
    skip: bool = True
    """False is the plain network of the same depth: the blocks without the addition."""
    version: Literal["v1", "preactivation"] = "v1"
    """Whether normalization and activation stand behind the convolutions or before them."""
    shortcut: Literal["pad", "projection"] = "pad"
    """Where the shape changes: every other pixel and channels of zeros (option A), or a 1x1 convolution (option B)."""
    stochastic_depth: Rate = 0.0
    """How often the last block is left out in training; the first hardly ever, the others in a line between them."""

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        self.image(shape)
        if not self.skip and np.any(np.asarray(self.stochastic_depth) > 0):
            raise UsageError(
                "architecture.stochastic_depth: a block can be left out only where a skip leads around it, and with "
                "skip: false none does; write stochastic_depth: 0, or skip: true"
            )
        if not self.skip and self.shortcut != "pad":
            raise UsageError(
                "architecture.shortcut: it leads around a block where a skip does, and with skip: false none does; "
                "leave it out, or write skip: true"
            )
        first = [Convolution(self.width, 3, padding=1, **parts.kernel())]
        v1 = self.version == "v1"
        layers: list[Layer] = [*first, *(parts.after_convolution() if v1 else [])]
        each = (self.depth - 2) // 6
        channels = self.width
        for number in range(3 * each):
            filters = self.width * 2 ** (number // each)
            stride = 2 if filters != channels else 1
            block = _block(filters, stride, v1, parts)
            if self.skip:
                shortcut = self._shortcut(channels, filters, stride, parts)
                rate = self.stochastic_depth * (number + 1) / (3 * each)
                layers.append(Residual(block, shortcut, rate))
            else:
                layers += block.layers
            layers += parts.activate() if v1 else []
            channels = filters
        layers += [] if v1 else [*parts.normalize(), *parts.activate()]
        return Chain([*layers, GlobalAveragePool(), *parts.drop_values(), Linear(outputs, parts.initializer)])

    def _shortcut(self, channels: int, filters: int, stride: int, parts: Parts) -> Chain:
        if channels == filters:
            return Chain([])
        if self.shortcut == "pad":
            return Chain([Shrink(stride, filters // channels)])
        projection = Convolution(filters, 1, stride, 0, **parts.kernel())
        return Chain([projection, *(parts.normalize() if self.version == "v1" else [])])


def _block(filters: int, stride: int, v1: bool, parts: Parts) -> Chain:
    def convolution(stride: int) -> Convolution:
        return Convolution(filters, 3, stride, 1, **parts.kernel())

    if v1:
        return Chain([convolution(stride), *parts.after_convolution(), convolution(1), *parts.normalize()])
    before = [*parts.normalize(), *parts.activate()]
    return Chain([*before, convolution(stride), *parts.after_convolution(), convolution(1)])
