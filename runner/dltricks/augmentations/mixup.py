"""Mixup: trains on weighted means of two samples and of their targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.augmentation import Augmentation
from dltricks.core.types import Array, Positive


@dataclass
class Mixup(Augmentation):
    """x <- lam x + (1 - lam) x'          t <- lam t + (1 - lam) t'          lam ~ Beta(alpha, alpha)

    One lam for a batch; (x', t') is the same batch in a random order, so that some samples meet themselves. Works on
    images and tables, and mixes class shares as well as numeric targets. ``train_accuracy`` still counts the samples'
    own labels, which a small lam hides: it is low even in a good run, and says little beside ``val_accuracy``.
    ``train_loss`` and ``train_rmse`` are measured against the mixed targets.

    Reference: Zhang et al. 2018, https://arxiv.org/abs/1710.09412
    Suggested: alpha 0.1 to 0.4, 1 for small photographs; more epochs.
    Does not help when the network underfits, or when what lies between two samples has no target between theirs
    (classes wound around each other, as spirals are).
    Deviation: torchvision's MixUp pairs each sample with its neighbour in the batch.
    """

    alpha: Positive = 0.2
    """Small: lam is mostly near 0 or 1; 1: any lam alike; large: near 1/2."""

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        lam = rng.beta(self.alpha, self.alpha)
        order = rng.permutation(len(x))
        for values in (x, target):
            other = values[order]
            other *= 1 - lam
            values *= lam
            values += other
