"""Architectures: they turn the parts that an experiment selects into a chain of layers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from dltricks.core.activation import Activation
from dltricks.core.component import Component
from dltricks.core.dropout import Dropout
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

    def after_weights(self) -> list[Layer]:
        """Fresh copies of normalization, activation and dropout, in this order, without the absent ones."""
        parts: list[Layer] = [self.normalization, self.activation, self.dropout]
        return [part.fresh() for part in parts if not part.on_weights and not part.absent]


class Architecture(Component):
    """Base: one method that lays out the layers. The last one yields logits or predictions."""

    kind = "architecture"
    hidden_layers: ClassVar[bool] = True
    """False where there is none, so that the activation is ``identity`` unless another is asked for."""

    @abstractmethod
    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        """The layers for one sample's input shape and a number of outputs.

        Raises:
            UsageError: parts that do not fit this architecture.
        """
