"""Random layers: their noise is a pure function of seed, epoch, step and layer, drawn for several steps at once."""

from __future__ import annotations

from abc import abstractmethod
from math import prod

import numpy as np

from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.types import Array

BLOCK = 1 << 16
"""About how many values are drawn at once: enough to make small layers cheap, little enough for the cache."""


class NoiseLayer(Layer):
    """A layer that draws 16 random bits for each value of its input.

    Sixteen bits cost a quarter of what a float32 costs. A rate becomes a multiple of 1/65536, and whatever
    divides by it uses that same multiple, so that means are exact.
    """

    _key: tuple[int, ...] | None = None
    _block: Array

    @abstractmethod
    def draw(self, bits: Array) -> Array:
        """Turns random bits, uint16 of shape (K, steps, ...), into noise of that shape."""

    def noise(self, context: Context, shape: Shape) -> Array:
        """This step's noise of shape (K, *rest) for an input (K, *rest) whose first other axis is the batch."""
        values = prod(shape[1:])
        # A step takes a whole number of Philox blocks (four words of four values), counted for a full batch.
        full = prod(shape[2:]) * context.batch_size if not self.on_weights else values
        blocks = -(-full // 16)
        steps = max(1, BLOCK // (shape[0] * full)) if values == full else 1
        first = context.step - context.step % steps
        key = (context.epoch, first, steps, *shape)
        if key != self._key:
            assert context.words is not None
            words = context.words(self.index, first * blocks, steps * blocks * 4)
            bits = words.view(np.uint16).reshape(shape[0], steps, blocks * 16)[:, :, :values]
            self._block = self.draw(bits.reshape(shape[0], steps, *shape[1:]))
            self._key = key
        noise: Array = self._block[:, context.step - first]
        return noise
