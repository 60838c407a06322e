"""Random layers: their noise is a pure function of seed, epoch, step and layer, drawn for several steps at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.memory import zeros
from dltricks.core.types import Array

BLOCK = 1 << 16
"""About how many values are drawn at once: enough to make small layers cheap, little enough for the cache."""

SETUP = 1 << 14
"""Fewer values than this are not drawn for one replica: half of them take as long as setting up a generator."""

LEVELS = 1 << 16
"""How many values 16 random bits can take."""


class NoiseLayer(Layer):
    """A layer that draws 16 random bits for each value of its input.

    Sixteen bits cost a quarter of what a float32 costs. A rate becomes a multiple of 1/65536, and whatever
    divides by it uses that same multiple, so that means are exact.
    """

    _key: tuple[Any, ...] | None
    _first: int
    _block: Array | None
    _steps: list[Array]

    def attach(self, path: str, numbers: Iterator[int], replicas: int, dtype: np.dtype[Any]) -> None:
        super().attach(path, numbers, replicas, dtype)
        self._key, self._first, self._block, self._steps = None, 0, None, []

    @abstractmethod
    def draw(self, bits: Array, out: Array) -> None:
        """Fills ``out`` (K, steps, ...) with the noise that random bits, uint16 of that shape, stand for."""

    def noise(self, context: Context, shape: Shape) -> Array:
        """This step's noise of shape (K, *rest) for an input (K, *rest) whose first other axis is the batch."""
        at = context.step - self._first
        if self._key != (context.epoch, context.batch_size, shape) or not 0 <= at < len(self._steps):
            self._draw_steps(context, shape)
            at = context.step - self._first
        return self._steps[at]

    def _draw_steps(self, context: Context, shape: Shape) -> None:
        values = prod(shape[1:])
        # A step takes a whole number of Philox blocks (four words of four values), counted for a full batch.
        full = prod(shape[2:]) * context.batch_size if not self.on_weights else values
        blocks = -(-full // 16)
        steps = max(1, SETUP // full, BLOCK // (shape[0] * full)) if values == full else 1
        first = context.step - context.step % steps
        assert context.words is not None
        words = context.words(self.index, first * blocks, steps * blocks * 4)
        bits = words.view(np.uint16).reshape(shape[0], steps, blocks * 16)[:, :, :values]
        drawn = (shape[0], steps, *shape[1:])
        if self._block is None or self._block.shape != drawn:
            self._block = zeros(drawn, self.dtype)
        self.draw(bits.reshape(drawn), self._block)
        self._steps = [self._block[:, i] for i in range(steps)]
        self._key, self._first = (context.epoch, context.batch_size, shape), first


def thresholds(rate: Any) -> tuple[Array, Array]:
    """(threshold, q): 16 random bits are below ``threshold`` with the exact probability ``q``, nearest to ``rate``.

    A rate below 1 always leaves something: q is 65535/65536 at most.
    """
    threshold = np.minimum(np.rint(np.asarray(rate, np.float64) * LEVELS), LEVELS - 1)
    return threshold, threshold / LEVELS
