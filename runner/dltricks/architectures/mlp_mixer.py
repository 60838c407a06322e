"""MLP-Mixer: perceptrons that mix the places of an image, then its channels, by turns."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.core.types import Size
from dltricks.layers.convolution import Convolution
from dltricks.layers.global_average_pool import GlobalAveragePool
from dltricks.layers.linear import Linear
from dltricks.layers.residual import Residual
from dltricks.layers.transpose import Transpose


@dataclass
class MlpMixer(Architecture):
    """patches -> blocks -> norm -> mean over patches -> linear
    x ─┬─ norm ─ transpose ─ MLP ─ transpose ─ + ─┬─ norm ─ MLP ─ + ─►
       └───────────── over places ─────────────┘  └ over channels ┘
    MLP: linear -> activation -> dropout -> linear

    A patch of ``patch`` x ``patch`` pixels becomes a vector of ``width`` numbers; the same weights serve all channels,
    or all patches: both MLPs are 1x1 convolutions here. Every dropout stands behind the activation of each MLP.

    Reference: Tolstikhin et al. 2021, https://arxiv.org/abs/2105.01601
    Suggested: normalization ``layer``, activation ``gelu``, adamw with warmup.
    Does not help when data are few: it has to learn from them that neighbouring pixels belong together.
    Deviation: normalization ``layer`` takes its mean over all patches of an image, not over each; see its card.
    """

    patch: Size = 4
    """Pixels along each side of a patch."""
    width: Size = 64
    """Numbers for each patch: the channels."""
    places: Size = 32
    """Width of the MLP over places."""
    channels: Size = 128
    """Width of the MLP over channels."""
    blocks: Size = 4

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        height, across, _ = self.image(shape)
        if height % self.patch or across % self.patch:
            fitting = [n for n in range(1, min(height, across) + 1) if height % n == 0 and across % n == 0]
            nearest = min(fitting, key=lambda n: abs(n - self.patch))
            raise UsageError(
                f"architecture.patch: images of {height}x{across} cannot be cut into patches of "
                f"{self.patch}x{self.patch}; write {nearest}"
            )
        rows, columns = height // self.patch, across // self.patch
        layers: list[Layer] = [_convolution(self.width, self.patch, parts)]
        for _ in range(self.blocks):
            places = _mlp(self.places, rows * columns, parts)
            layers += [
                Residual(Chain([*parts.normalize(), Transpose(), *places, Transpose(rows)])),
                Residual(Chain([*parts.normalize(), *_mlp(self.channels, self.width, parts)])),
            ]
        return Chain([*layers, *parts.normalize(), GlobalAveragePool(), Linear(outputs, parts.initializer)])


def _mlp(hidden: int, width: int, parts: Parts) -> list[Layer]:
    dropout = [*parts.drop_channels(), *parts.drop_values()]
    return [_convolution(hidden, 1, parts), *parts.activate(), *dropout, _convolution(width, 1, parts)]


def _convolution(filters: int, size: int, parts: Parts) -> Convolution:
    # No normalization follows at once, and each bias counts.
    return Convolution(filters, size, size, 0, **{**parts.kernel(), "bias": True})
