"""Penalties: explicit regularization of the kernels."""

from __future__ import annotations

from dltricks.core.component import Component
from dltricks.core.store import Store


class Penalty(Component):
    """Base. In a stack every numeric field is a float64 (K, 1) column. Both methods do nothing unless overridden."""

    kind = "penalty"

    def setup(self, store: Store) -> None:
        """Derives constants and buffers; called once."""

    def add_gradient(self, store: Store) -> None:
        """Adds the penalty's gradient to ``store.g``, before clipping; kernels only."""

    def project(self, store: Store) -> None:
        """Brings the parameters back into the allowed set, after the update."""
