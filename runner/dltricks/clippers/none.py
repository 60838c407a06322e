"""No clipping."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.clipper import Clipper
from dltricks.core.store import Store
from dltricks.core.types import Array


@dataclass
class None_(Clipper):
    """g = g

    Reference: the neutral value against which every other clipping is compared.
    Suggested: as the baseline, and wherever the gradient norm stays small.
    """

    def clip(self, store: Store, norm: Array) -> Array | None:
        return None
