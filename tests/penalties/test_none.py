from __future__ import annotations

from engine.small import store

from dltricks.penalties.none import None_


def test_nothing_is_added_and_nothing_moved() -> None:
    made = store(("W", (3, 2), "kernel"))
    g, p = made.g.copy(), made.p.copy()
    penalty = None_()
    penalty.setup(made)
    penalty.add_gradient(made)
    penalty.project(made)
    assert (made.g == g).all()
    assert (made.p == p).all()
