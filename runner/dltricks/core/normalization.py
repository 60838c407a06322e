"""Normalizations: "after applying the weights, before the activation"."""

from __future__ import annotations

from typing import ClassVar

from dltricks.core.layer import Layer
from dltricks.core.types import Array


class Normalization(Layer):
    """Base of all normalizations; those that act on the weights say so by ``on_weights``."""

    kind = "normalization"
    cancels_bias: ClassVar[bool] = False
    """True where a bias before it has no effect, so that the layer before leaves it out."""

    gain: Array
    dgain: Array
    bias: Array
    dbias: Array

    def affine(self, channels: int) -> None:
        """Asks for a gain, at first 1, and a bias, at first 0, for each channel."""
        self.parameter("gain", (channels,), "gain", 1.0)
        self.parameter("bias", (channels,), "bias", 0.0)
