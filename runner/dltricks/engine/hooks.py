"""What may listen to the training loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltricks.engine.trainer import Trainer


class Hook:
    """Base of progress displays, recorders and checkpoints. Hooks read; only the loop changes training."""

    def on_train_begin(self, run: Trainer) -> None:
        """Before the first step, or the first after a resume."""

    def on_step_end(self, run: Trainer) -> None:
        """After each step; ``run.step`` of its epoch are done, ``run.t`` in all."""

    def on_epoch_end(self, run: Trainer) -> None:
        """After an epoch was measured. Runs that ended have their entry in ``run.outcomes``."""

    def on_train_end(self, run: Trainer) -> None:
        """After the last run has ended."""
