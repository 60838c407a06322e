"""Random layers: their noise is a pure function of seed, epoch, step and layer, drawn for several steps at once."""

from __future__ import annotations

from abc import abstractmethod
from math import prod
from typing import Any

import numpy as np

from dltricks.core.graph import Graph
from dltricks.core.layer import Context, Layer, Shape
from dltricks.core.memory import zeros
from dltricks.core.types import Array

BLOCK = 1 << 16
"""About how many values of noise are made at once: enough to make small layers cheap, little enough for the cache."""

AHEAD = 1 << 15
"""Random values of a seed that are drawn at once, if they are of several steps: 2^14 take as long as to set up a
generator. As bits they take a quarter of the memory that they take as noise."""

LEVELS = 1 << 16
"""How many values 16 random bits can take."""


class NoiseLayer(Layer):
    """A layer that draws 16 random bits for each value of its input.

    Sixteen bits cost a quarter of what a float32 costs. A rate becomes a multiple of 1/65536, and whatever
    divides by it uses that same multiple, so that means are exact.
    """

    _key: tuple[Any, ...] | None
    _first: int
    _bits: Array
    _rows: Array
    _taken: Array
    _begin: int
    _block: Array | None
    _steps: list[Array]

    def attach(self, *arguments: Any) -> None:
        super().attach(*arguments)
        self._key, self._first, self._begin, self._block, self._steps = None, 0, 0, None, []

    @abstractmethod
    def draw(self, bits: Array, out: Array) -> None:
        """Fills ``out`` (K, steps, ...) with the noise that random bits, uint16 of that shape, stand for."""

    def export(self, graph: Graph, x: str) -> str:
        return x  # noise is for training alone

    def noise(self, context: Context, shape: Shape) -> Array:
        """This step's noise of shape (K, *rest) for an input (K, *rest) whose first other axis is the batch."""
        key = (context.epoch, context.batch_size, shape)
        if self._key != key or not 0 <= context.step - self._first < self._bits.shape[1]:
            self._draw_bits(context, shape)
            self._key, self._steps = key, []
        if not 0 <= context.step - self._begin < len(self._steps):
            self._make_noise(context.step, shape)
        return self._steps[context.step - self._begin]

    def _draw_bits(self, context: Context, shape: Shape) -> None:
        """Those of this step and of some after it, (S, steps, values): what replicas share is drawn once."""
        values = prod(shape[1:])
        # A step takes a whole number of Philox blocks (four words of four values), counted for a full batch.
        full = prod(shape[2:]) * context.batch_size if not self.on_weights else values
        blocks = -(-full // 16)
        steps = max(1, AHEAD // full) if values == full else 1
        self._first = context.step - context.step % steps
        assert context.words is not None
        words, self._rows = context.words(self.index, self._first * blocks, steps * blocks * 4)
        self._bits = words.view(np.uint16).reshape(len(words), steps, blocks * 16)[:, :, :values]

    def _make_noise(self, step: int, shape: Shape) -> None:
        at = step - self._first
        steps = min(max(1, BLOCK // prod(shape)), self._bits.shape[1] - at)
        drawn = (shape[0], steps, *shape[1:])
        if self._block is None or self._block.shape != drawn:
            self._block, self._taken = zeros(drawn, self.dtype), zeros(drawn, np.uint16)
        taken = self._taken.reshape(shape[0], steps, -1)
        np.take(self._bits[:, at : at + steps], self._rows, axis=0, out=taken, mode="clip")
        self.draw(self._taken, self._block)
        self._steps, self._begin = [self._block[:, i] for i in range(steps)], step


def thresholds(rate: Any) -> tuple[Array, Array]:
    """(threshold, q): 16 random bits are below ``threshold`` with the exact probability ``q``, nearest to ``rate``.

    A rate below 1 always leaves something: q is 65535/65536 at most.
    """
    threshold = np.minimum(np.rint(np.asarray(rate, np.float64) * LEVELS), LEVELS - 1)
    return threshold, threshold / LEVELS
