"""Memory for gradients on their way back, shared by all layers of a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from dltricks.core.memory import zeros
from dltricks.core.types import Array


class Workspace:
    """Hands out arrays that do not overlap what is still needed.

    A gradient is dead once the layer before has taken it in, so that two or three arrays serve a network of any depth
    where each layer would keep one of its own.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.arenas: list[Array] = []
        self._held: list[Array] = []

    def apart(self, shape: tuple[int, ...], gradient: Array) -> Array:
        """An array of that shape that overlaps neither ``gradient`` nor anything that is held. It is valid until the
        layer before has returned."""
        size = prod(shape)
        needed = [gradient, *self._held]
        for i, arena in enumerate(self.arenas):
            if not any(np.may_share_memory(arena, other) for other in needed):
                if arena.size < size:
                    arena = self.arenas[i] = zeros((size,), self.dtype)
                return arena[:size].reshape(shape)
        self.arenas.append(zeros((size,), self.dtype))
        return self.arenas[-1].reshape(shape)

    @contextmanager
    def holding(self, array: Array | None) -> Iterator[None]:
        """Leaves ``array`` alone for that long."""
        if array is None:
            yield
            return
        self._held.append(array)
        try:
            yield
        finally:
            self._held.pop()
