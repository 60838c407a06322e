from __future__ import annotations

import numpy as np
from engine.small import clip, store

from dltricks.clippers.value import Value


def test_against_the_formula() -> None:
    made = store(("W", (4, 3), "kernel"), ("b", (3,), "bias"), replicas=3)
    thresholds = (0.5, 2.0, 100.0)
    expected = [[min(max(x, -t), t) for x in g] for g, t in zip(made.g, thresholds, strict=True)]
    clipped = clip(made, *[Value(t) for t in thresholds])
    assert made.g.tolist() == expected
    assert clipped is not None
    assert clipped.tolist() == [True, True, False]


def test_large_components_of_either_sign_are_seen() -> None:
    for sign in (1, -1):
        made = store(("W", (4, 3), "kernel"))
        made.g[...] = 0.1
        made.g[0, 5] = 2.0 * sign
        clipped = clip(made, Value(1.0))
        assert clipped is not None
        assert clipped.all()
        assert made.g[0, 5] == sign
        assert np.delete(made.g[0], 5).tolist() == [0.1] * 11


def test_a_gradient_whose_norm_alone_is_large_is_left() -> None:
    made = store(("W", (40, 30), "kernel"), dtype="float32")
    made.g[...] = 0.5
    clipped = clip(made, Value(0.5))
    assert clipped is not None
    assert not clipped.any()
    assert (made.g == 0.5).all()
