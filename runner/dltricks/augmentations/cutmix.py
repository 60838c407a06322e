"""Cutmix: pastes a box of another image into each, and mixes the targets by area."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from dltricks.core.augmentation import Augmentation
from dltricks.core.errors import UsageError
from dltricks.core.layer import Shape
from dltricks.core.types import Array, Positive


@dataclass
class Cutmix(Augmentation):
    """x <- x' inside a box, x outside          t <- (1 - a) t + a t'          lam ~ Beta(alpha, alpha)
    box: sides sqrt(1 - lam) H and sqrt(1 - lam) W, rounded down; its middle is any pixel; a = its area inside / (H W)

    One box for a batch; (x', t') is the same batch in a random order, so that some images meet themselves. Numeric
    targets are mixed as class shares are. ``train_accuracy`` still counts the images' own labels, even where the box
    covers most of them: it is low even in a good run, and says little beside ``val_accuracy``. ``train_loss`` and
    ``train_rmse`` are measured against the mixed targets.

    Reference: Yun et al. 2019, https://arxiv.org/abs/1905.04899
    Suggested: alpha 1; more epochs.
    Does not help when the network underfits, when most of an image is background (the box then brings in a label
    without its object), or when a numeric target does not grow with the area.
    Deviation: the authors' code and torchvision round the sides down to even numbers, which loses the small boxes.
    """

    alpha: Positive = 1.0
    """1: any lam alike; smaller: mostly hardly anything or nearly all is pasted; large: about half of the area."""

    def check(self, shape: Shape, outputs: int) -> None:
        if len(shape) != 3:
            raise UsageError(
                f"augmentation: cutmix cuts images, but a sample here is a row of {shape[0]} numbers; "
                "mixup mixes those, too"
            )

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        batch, height, width, _ = x.shape
        side = sqrt(1 - rng.beta(self.alpha, self.alpha))
        top, bottom = _part(height, side, rng)
        left, right = _part(width, side, rng)
        area = (bottom - top) * (right - left) / (height * width)
        order = rng.permutation(batch)
        x[:, top:bottom, left:right] = x[order, top:bottom, left:right]
        other = target[order]
        other *= area
        target *= 1 - area
        target += other


def _part(length: int, share: float, rng: np.random.Generator) -> tuple[int, int]:
    """Where a box with that share of an axis begins and ends; what lies outside is cut off."""
    size = int(length * share)
    first = int(rng.integers(length)) - size // 2
    return max(0, first), min(length, first + size)
