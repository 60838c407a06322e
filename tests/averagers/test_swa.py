from __future__ import annotations

import numpy as np
import pytest
from engine.small import recipe, run

from dltricks.averagers.swa import Swa
from dltricks.core.errors import UsageError
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer


class Ends(Hook):
    """Keeps the weights at the end of each epoch."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def on_epoch_end(self, run: Trainer) -> None:
        self.seen.append(run.store.p[0].astype(np.float64))


@pytest.mark.parametrize("start", [1, 3, 5])
def test_the_weights_are_the_mean_of_the_ends_of_epochs(start: int) -> None:
    hook = Ends()
    outcome = run(recipe(epochs=5, averaging={"name": "swa", "start": start}), hooks=(hook,))[0]
    expected = np.mean(hook.seen[start - 1 :], axis=0)
    found = np.concatenate([w.ravel() for path, w in outcome.weights.items() if path.endswith("W")])
    np.testing.assert_allclose(found, expected[: len(found)], rtol=1e-5, atol=1e-7)


def test_before_its_start_nothing_changes_and_after_it_only_what_is_measured() -> None:
    plain = run(recipe(epochs=4))[0]
    averaged = run(recipe(epochs=4, averaging={"name": "swa", "start": 3}))[0]
    # The first average is the epoch's own weights.
    assert averaged.history[:3] == plain.history[:3]
    assert averaged.history[3]["train_loss"] == plain.history[3]["train_loss"]
    assert averaged.history[3]["val_loss"] != plain.history[3]["val_loss"]


def test_a_start_after_the_end_is_refused() -> None:
    Swa(start=4).check(5)
    with pytest.raises(UsageError, match="begin with epoch 5, but training ends with 5"):
        Swa(start=5).check(5)
