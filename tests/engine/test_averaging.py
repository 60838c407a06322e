from __future__ import annotations

import numpy as np
import pytest
from engine.small import digits, recipe

from dltricks.core.types import Array
from dltricks.engine.averaging import averaged
from dltricks.engine.loop import step
from dltricks.engine.trainer import Trainer


def after_an_epoch(averaging: dict[str, object]) -> Trainer:
    """Before the end of the first epoch, with statistics of batch normalization."""
    run = Trainer([recipe(averaging=averaging, normalization="batch")], [digits()])
    run.begin_epoch()
    for batch in run.batches():
        step(run, batch, run.lr[:, run.step, None])
    run.averaging.after_epoch(run.store, 1, *run.average_slots)
    return run


def held(run: Trainer) -> list[Array]:
    return [run.store.p.copy(), *(array.copy() for array in run.network.statistics().values())]


def same(before: list[Array], after: list[Array]) -> list[bool]:
    return [a.tobytes() == b.tobytes() for a, b in zip(before, after, strict=True)]


@pytest.mark.parametrize(
    ("averaging", "stays"),
    [
        ({"name": "none"}, [True, True, True]),
        ({"name": "ema"}, [False, True, True]),
        ({"name": "swa", "start": 1}, [True, False, False]),  # the mean of one epoch is itself
    ],
    ids=["none", "ema", "swa"],
)
def test_the_average_is_there_within_and_gone_afterwards(averaging: dict[str, object], stays: list[bool]) -> None:
    run = after_an_epoch(averaging)
    before = held(run)
    with averaged(run):
        assert same(before, held(run)) == stays
        for array in (run.store.p, *run.network.statistics().values()):
            assert np.isfinite(array).all()
    assert all(same(before, held(run)))
    assert run.network.context.estimating == 0


def test_it_is_gone_after_an_error_as_well() -> None:
    run = after_an_epoch({"name": "ema"})
    before = held(run)
    with pytest.raises(KeyboardInterrupt), averaged(run):
        raise KeyboardInterrupt
    assert all(same(before, held(run)))
