"""Initializers: how weights are drawn before the first step."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np

from dltricks.core.component import Component
from dltricks.core.types import Array

Distribution = Literal["normal", "uniform", "truncated"]

# Standard deviation of N(0, 1) cut at -2 and 2; dividing by it restores the deviation that was asked for.
_TRUNCATED_DEVIATION = 0.87962566103423978


class Initializer(Component):
    """Draws one kernel. One replica at a time: its generator is keyed by that replica's seed."""

    kind = "initializer"
    data_dependent: ClassVar[bool] = False
    """Whether kernels are rescaled afterwards by the activations of a first batch."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """A kernel in float64.

        Args:
            rng: this kernel's own generator.
            shape: (inputs, outputs), or (height, width, inputs, outputs) of a convolution.
            fan_in: number of inputs that one output sums.
            fan_out: number of outputs that one input reaches.
        """

    def rescaling(self, variance: float, attempt: int) -> float:
        """The factor on a kernel whose outputs have this variance; 1.0 ends the attempts (counted from 0)."""
        return 1.0


def spread(rng: np.random.Generator, deviation: float, shape: tuple[int, ...], distribution: Distribution) -> Array:
    """Values of mean zero and the given standard deviation from the named distribution.

    ``truncated`` is cut at two deviations and then rescaled; PyTorch's trunc_normal_ leaves the deviation smaller.
    """
    if distribution == "normal":
        return rng.normal(0.0, deviation, shape)
    if distribution == "uniform":
        limit = np.sqrt(3.0) * deviation
        return rng.uniform(-limit, limit, shape)
    values = rng.standard_normal(shape)
    outside = np.abs(values) > 2
    while outside.any():
        values[outside] = rng.standard_normal(int(outside.sum()))
        outside = np.abs(values) > 2
    return values * (deviation / _TRUNCATED_DEVIATION)
