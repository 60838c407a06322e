"""Gradient clipping: bounds on the gradient before the update."""

from __future__ import annotations

from abc import abstractmethod

from dltricks.core.component import Component
from dltricks.core.store import Store
from dltricks.core.types import Array


class Clipper(Component):
    """Base. In a stack every numeric field is a float64 (K, 1) column."""

    kind = "clipping"

    def setup(self, store: Store) -> None:
        """Derives constants and buffers; called once."""

    @abstractmethod
    def clip(self, store: Store, norm: Array) -> Array | None:
        """Clips ``store.g`` in place.

        Args:
            store: parameters and gradients, (K, P).
            norm: Euclidean norm of each replica's whole gradient, float64 (K,).

        Returns:
            Which replicas were clipped, bool (K,); None where nothing ever is.
        """
