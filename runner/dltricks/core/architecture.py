"""Architectures: they turn the parts that an experiment selects into a chain of layers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dltricks.core.activation import Activation
from dltricks.core.component import Component
from dltricks.core.dropout import Dropout
from dltricks.core.errors import UsageError
from dltricks.core.initializer import Initializer
from dltricks.core.layer import Chain, Layer, Shape
from dltricks.core.normalization import Normalization


@dataclass
class Parts:
    """The experiment's tricks, as prototypes to copy; numeric fields hold one value per replica."""

    activation: Activation
    normalization: Normalization
    dropout: Dropout
    initializer: Sequence[Initializer]
    """One for each replica."""

    def on_weights(self) -> list[Layer]:
        """Fresh copies of the parts that act on a kernel, in the order in which they are applied."""
        parts: list[Layer] = [self.normalization, self.dropout]
        return [part.fresh() for part in parts if part.on_weights and not part.absent]

    def kernel(self) -> dict[str, Any]:
        """How a convolution or linear layer is made that a normalization follows; not the network's last layer."""
        bias = not self.normalization.cancels_bias
        return {"initializer": self.initializer, "bias": bias, "transforms": self.on_weights()}

    def normalize(self) -> list[Layer]:
        """A fresh copy of a normalization of activations, or nothing."""
        return _fresh([self.normalization])

    def activate(self) -> list[Layer]:
        """A fresh copy of the activation."""
        return _fresh([self.activation])

    def drop_channels(self) -> list[Layer]:
        """A fresh copy of a dropout that drops whole channels of images, or nothing."""
        return _fresh([self.dropout]) if self.dropout.on_images else []

    def drop_values(self) -> list[Layer]:
        """A fresh copy of a dropout of single values, or nothing."""
        return [] if self.dropout.on_images else _fresh([self.dropout])

    def after_convolution(self) -> list[Layer]:
        """Normalization, activation, and dropout of whole channels; dropout of values has its place elsewhere."""
        return [*self.normalize(), *self.activate(), *self.drop_channels()]

    def after_weights(self) -> list[Layer]:
        """Fresh copies of normalization, activation and dropout, in this order, without the absent ones."""
        return _fresh([self.normalization, self.activation, self.dropout])


class Architecture(Component):
    """Base: one method that lays out the layers. The last one yields logits or predictions."""

    kind = "architecture"
    hidden_layers: ClassVar[bool] = True
    """False where there is none, so that the activation is ``identity`` unless another is asked for."""

    @abstractmethod
    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        """The layers for one sample's input shape and a number of outputs.

        Raises:
            UsageError: parts or samples that do not fit this architecture.
        """

    def image(self, shape: Shape) -> tuple[int, int, int]:
        """Height, width and channels of one sample.

        Raises:
            UsageError: samples that are no images.
        """
        if len(shape) != 3:
            raise UsageError(
                f"architecture: {self.name()} takes images (height, width, channels), but a sample here is a row of "
                f"{shape[0]} numbers; write architecture: mlp, or choose a dataset of images"
            )
        return shape[0], shape[1], shape[2]


def _fresh(parts: Sequence[Layer]) -> list[Layer]:
    return [part.fresh() for part in parts if not part.on_weights and not part.absent]
