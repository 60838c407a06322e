"""MobileNet: each convolution in two steps, over the places of each channel and over the channels of each place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import MinLen

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.core.types import Size
from dltricks.layers.convolution import Convolution
from dltricks.layers.global_average_pool import GlobalAveragePool
from dltricks.layers.linear import Linear


@dataclass
class Mobilenet(Architecture):
    """3x3 -> norm -> act -> blocks -> mean over places -> dropout -> linear
    x ── 3x3 depthwise ─ norm ─ act ─ 1x1 ─ norm ─ act ─►

    A block whose filters are more than those of the block before it halves the image. The paper's network is stem 32,
    stride 2 and blocks [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]: 4.2 million parameters with
    1,000 classes. The dropout ``spatial`` stands behind the activation of each 1x1 convolution, every other one before
    the linear layer.

    Reference: Howard et al. 2017, https://arxiv.org/abs/1704.04861
    Suggested: batch normalization; where parameters or multiplications are scarce.
    Does not help when time on a CPU counts and not the number of multiplications: depthwise ones wait for memory.
    """

    blocks: Annotated[list[Size], MinLen(1)] = field(default_factory=lambda: [32, 64, 64, 128, 128])
    """Filters of each block's 1x1 convolution."""
    stem: Size = 16
    """Filters of the first convolution."""
    stride: Size = 1
    """Of the first convolution: 2 for large images."""

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        self.image(shape)
        layers: list[Layer] = [
            Convolution(self.stem, 3, self.stride, 1, **parts.kernel()),
            *parts.normalize(),
            *parts.activate(),
        ]
        channels = self.stem
        for number, filters in enumerate(self.blocks):
            stride = 2 if number and filters > channels else 1
            layers += [
                Convolution(channels, 3, stride, 1, groups=channels, **parts.kernel()),
                *parts.normalize(),
                *parts.activate(),
                Convolution(filters, 1, **parts.kernel()),
                *parts.after_convolution(),
            ]
            channels = filters
        return Chain([*layers, GlobalAveragePool(), *parts.drop_values(), Linear(outputs, parts.initializer)])
