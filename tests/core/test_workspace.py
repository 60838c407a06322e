from __future__ import annotations

import numpy as np

from dltricks.core.workspace import Workspace


def test_two_arrays_serve_a_chain_of_any_length() -> None:
    workspace = Workspace(np.dtype(np.float32))
    gradient = np.zeros(7, np.float32)
    for size in range(5, 60):
        following = workspace.apart((size,), gradient)
        assert following.shape == (size,)
        assert not np.may_share_memory(following, gradient)
        gradient = following
    assert len(workspace.arenas) == 2


def test_what_is_held_is_left_alone() -> None:
    workspace = Workspace(np.dtype(np.float64))
    first = workspace.apart((4, 2), np.zeros(1))
    with workspace.holding(first), workspace.holding(None):
        second = workspace.apart((8,), np.zeros(1))
        assert not np.may_share_memory(first, second)
        with workspace.holding(second):
            third = workspace.apart((3,), np.zeros(1))
            assert not np.may_share_memory(third, first)
            assert not np.may_share_memory(third, second)
    assert np.may_share_memory(workspace.apart((8,), np.zeros(1)), first)
