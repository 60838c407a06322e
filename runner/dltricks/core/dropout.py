"""Dropouts: random removal in training, nothing in evaluation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dltricks.core.layer import Layer
from dltricks.core.noise import NoiseLayer
from dltricks.core.types import Array


class Dropout(Layer):
    """Base of the kind: ``none``, and everything that drops."""

    kind = "dropout"
    on_images: ClassVar[bool] = False
    """True where it drops whole channels of images, which an architecture places after convolutions."""


class NoisyDropout(NoiseLayer, Dropout):
    """Base of the dropouts that draw random bits: ``forward`` keeps the factors of its inputs in ``mask``."""

    kind = "dropout"
    mask: Array

    def backward(self, dy: Array) -> Array | None:
        return np.multiply(dy, self.mask, out=dy)
