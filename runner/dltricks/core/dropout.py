"""Dropouts: random removal in training, nothing in evaluation."""

from __future__ import annotations

from dltricks.core.layer import Layer
from dltricks.core.noise import NoiseLayer


class Dropout(Layer):
    """Base of the kind: ``none``, and everything that drops."""

    kind = "dropout"


class NoisyDropout(NoiseLayer, Dropout):
    """Base of the dropouts that draw random bits."""

    kind = "dropout"
