"""Normalizations: "after applying the weights, before the activation"."""

from __future__ import annotations

from typing import ClassVar

from dltricks.core.layer import Layer


class Normalization(Layer):
    """Base of all normalizations; those that act on the weights say so by ``on_weights``."""

    kind = "normalization"
    cancels_bias: ClassVar[bool] = False
    """True where a bias before it has no effect, so that the layer before leaves it out."""
