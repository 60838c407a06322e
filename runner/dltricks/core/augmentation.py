"""Augmentations: random changes of training samples that leave their meaning as it is."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from dltricks.core.component import Component
from dltricks.core.layer import Shape
from dltricks.core.types import Array


class Augmentation(Component):
    """Base. One replica at a time: its generator is keyed by seed, epoch, step and place in the list."""

    kind = "augmentation"

    def check(self, shape: Shape, outputs: int) -> None:
        """Refuses samples that it cannot change, given one sample's shape and the number of classes or targets.

        Raises:
            UsageError: such as a table where images are needed.
        """

    @abstractmethod
    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        """Changes one batch in place.

        Args:
            x: scaled samples (B, features) or (B, H, W, C).
            target: class shares (B, classes) or numbers (B, targets).
            rng: this batch's own generator.
        """
