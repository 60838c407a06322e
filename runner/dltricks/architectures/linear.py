"""Linear: no hidden layer; logistic or linear regression."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.architecture import Architecture, Parts
from dltricks.core.errors import UsageError
from dltricks.core.layer import Chain, Shape
from dltricks.layers.flatten import Flatten
from dltricks.layers.linear import Linear as LinearLayer


@dataclass
class Linear(Architecture):
    """flatten -> linear

    Without a hidden layer there is nothing to activate, so the activation has no effect; a normalization or dropout is
    refused.

    Reference: Cox 1958, https://doi.org/10.1111/j.2517-6161.1958.tb00292.x (logistic regression)
    Suggested: as the baseline that a deeper network has to beat.
    Does not help when classes cannot be separated by planes, as in ``xor``.
    """

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        for part in (parts.normalization, parts.dropout):
            if not part.absent:
                raise UsageError(
                    f"the architecture linear has no hidden layer that {part.kind} {part.name()} could act on; "
                    f"write {part.kind}: none, or another architecture"
                )
        flatten = [Flatten()] if len(shape) > 1 else []
        return Chain([*flatten, LinearLayer(outputs, parts.initializer)])
