"""Unit: a gradient longer than the threshold is divided by its own norm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.clipper import Clipper
from dltricks.core.numeric import shrink
from dltricks.core.store import Store
from dltricks.core.types import Array, Positive


@dataclass
class Unit(Clipper):
    """g <- g / ||g||   where ||g|| > threshold

    Whatever the threshold, a clipped gradient has length 1: with a threshold of 1 this is ``norm``; with a
    higher one a clipped step is shorter than the longest step that is left alone; with a lower one it grows.

    Reference: as lessons on deep learning give it; Pascanu, Mikolov & Bengio 2013,
    https://arxiv.org/abs/1211.5063, rescale to the threshold instead (``norm``)
    Suggested: 1.0.
    Does not help when the threshold is far from 1: the step then jumps at the threshold.
    """

    threshold: Positive = 1.0

    def setup(self, store: Store) -> None:
        self.longest = np.asarray(self.threshold)[:, 0]

    def clip(self, store: Store, norm: Array) -> Array | None:
        clipped = norm > self.longest
        if clipped.any():
            norm = norm[:, None]
            shrink(store.g, np.divide(1.0, norm, out=np.ones_like(norm), where=clipped[:, None]))
        return np.asarray(clipped)
