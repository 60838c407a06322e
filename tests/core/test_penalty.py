from __future__ import annotations

import pytest
from engine.small import store

from dltricks.core.penalty import BLOCK, blocks


@pytest.mark.parametrize("replicas", [1, 3])
def test_blocks_cover_every_kernel_once_and_nothing_else(replicas: int) -> None:
    made = store(("W", (BLOCK, 2), "kernel"), ("b", (7,), "bias"), replicas=replicas)
    before, found = made.p.copy(), blocks(made)
    for w, dw, tmp in found:
        assert w.shape == dw.shape == tmp.shape
        w += 1
        dw[...] = 0
    kernels = made.kernels
    assert (made.p[:, kernels] == before[:, kernels] + 1).all()
    assert (made.p[:, kernels.stop :] == before[:, kernels.stop :]).all()
    assert not made.g[:, kernels].any()
    assert made.g[:, kernels.stop :].all()
    assert len(found) > 1
    assert len({tmp.ctypes.data for *_, tmp in found}) == 1
