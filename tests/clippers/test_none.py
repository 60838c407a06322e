from __future__ import annotations

from engine.small import store

from dltricks.clippers.none import None_
from dltricks.core.numeric import norms


def test_nothing_is_ever_clipped() -> None:
    made = store(("W", (3, 2), "kernel"))
    before = made.g.tobytes()
    assert None_().clip(made, norms(made.g)) is None
    assert made.g.tobytes() == before
