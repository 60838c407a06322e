from __future__ import annotations

from engine.small import store

from dltricks.averagers.none import None_


def test_there_is_no_average() -> None:
    made = store(("W", (3, 2), "kernel"))
    averager = None_()
    averager.setup(made)
    averager.after_step(made, 1)
    averager.after_epoch(made, 1)
    assert averager.weights(1, 1) is None
    assert averager.slots == ()
