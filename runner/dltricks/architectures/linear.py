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

    Without a hidden layer there is nothing to activate, normalize or drop: an activation other than ``identity``, a
    normalization and a dropout are refused.

    Reference: Cox 1958, https://doi.org/10.1111/j.2517-6161.1958.tb00292.x (logistic regression)
    Suggested: as the baseline that a deeper network has to beat.
    Does not help when classes cannot be separated by planes, as in ``xor``.
    """

    hidden_layers = False

    def build(self, shape: Shape, outputs: int, parts: Parts) -> Chain:
        for part, nothing in ((parts.activation, "identity"), (parts.normalization, "none"), (parts.dropout, "none")):
            if part.name() != nothing:
                raise UsageError(
                    f"{part.kind}: the architecture linear has no hidden layer that {part.name()} could act on; "
                    f"write {part.kind}: {nothing}, or another architecture"
                )
        flatten = [Flatten()] if len(shape) > 1 else []
        return Chain([*flatten, LinearLayer(outputs, parts.initializer)])
