"""Penalties: explicit regularization of the kernels."""

from __future__ import annotations

import numpy as np

from dltricks.core.component import Component
from dltricks.core.store import Store
from dltricks.core.types import Array

BLOCK = 1 << 15
"""Values of a block: three arrays of them fit a second-level cache."""


class Penalty(Component):
    """Base. In a stack every numeric field is a float64 (K, 1) column. No method does anything by itself."""

    kind = "penalty"

    def setup(self, store: Store) -> None:
        """Derives constants and buffers; called once."""

    def add_gradient(self, store: Store) -> None:
        """Adds the penalty's gradient to ``store.g``, before clipping; kernels only."""

    def project(self, store: Store) -> None:
        """Brings the parameters back into the allowed set, after the update."""


def blocks(store: Store) -> list[tuple[Array, Array, Array]]:
    """(w, dw, tmp): the kernels and their gradients as blocks (K, n) that fit the cache, and a buffer."""
    width = max(256, BLOCK // store.replicas)
    buffer = np.empty((store.replicas, min(width, store.kernels.stop)), store.dtype)
    result = []
    for start in range(0, store.kernels.stop, width):
        part = slice(start, min(start + width, store.kernels.stop))
        result.append((store.p[:, part], store.g[:, part], buffer[:, : part.stop - start]))
    return result
