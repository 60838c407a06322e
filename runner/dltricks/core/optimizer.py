"""Optimizers: in-place updates of flat (K, P) arrays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from dltricks.core.component import Component
from dltricks.core.store import Store
from dltricks.core.types import Array, Positive


class Optimizer(Component):
    """Base. In a stack every numeric field is a float64 (K, 1) column.

    ``setup`` derives constants once, ``prepare`` those of a step, and ``step`` does the arithmetic. An elementwise rule
    is given one block of columns at a time, so it must not look beyond its arguments.
    """

    kind = "optimizer"
    lr: Positive
    slots: ClassVar[tuple[str, ...]] = ()
    """Names of the arrays kept between steps, (K, P) unless ``widths`` says otherwise, zero before the first."""
    elementwise: ClassVar[bool] = True
    """False where an update needs norms or shapes: ``step`` is then given whole arrays, and ``store`` has the views."""

    store: Store

    def attach(self, store: Store) -> None:
        """Binds the optimizer to its store; called once, before ``setup``."""
        self.store = store

    def cast(self, wide: Any) -> Array:
        """A float64 column as the dtype of training: every constant is derived wide and cast once.

        Where all replicas share the value it has no axes: numpy then sweeps over the whole stack at once instead of
        row by row, in two thirds of the time. The products are the same.
        """
        narrow: Array = np.array(wide, self.store.dtype)
        if narrow.size > 1 and (narrow != narrow.ravel()[0]).any():
            return narrow
        return narrow.ravel()[:1].reshape(())

    def setup(self) -> None:
        """Derives the constants of the whole training."""

    def widths(self) -> Sequence[int]:
        """Columns of each slot. Only a rule that is not elementwise may need other than P; asked after ``setup``."""
        return [self.store.size] * len(self.slots)

    def start(self, slots: Sequence[Array]) -> None:
        """Fills slots that do not begin at zero."""

    @abstractmethod
    def prepare(self, lr: Array, t: int) -> None:
        """Derives the constants of step t, counted from 1, at the scheduled rate ``lr``, a float64 (K, 1) column."""

    def decay(self, kernels: Array) -> None:
        """Decoupled weight decay: called before ``step`` with those columns of p that are kernels."""

    @abstractmethod
    def step(self, p: Array, g: Array, tmp: Array, *slots: Any) -> None:
        """Updates p and the slots in place; g and tmp are free to be overwritten."""
