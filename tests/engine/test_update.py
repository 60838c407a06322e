from __future__ import annotations

import numpy as np
import pytest
from engine.small import part, store

from dltricks.core.parallel import pool
from dltricks.engine import update
from dltricks.engine.update import Updater


def trained(monkeypatch: pytest.MonkeyPatch, block: int, threads: int, replicas: int) -> bytes:
    monkeypatch.setattr(update, "BLOCK", block)
    monkeypatch.setattr(update, "SHARED", block)
    before = pool.threads
    pool.resize(threads)
    try:
        made = store(("W", (70, 60), "kernel"), ("b", (37,), "bias"), replicas=replicas, dtype="float32")
        updater = Updater([part("optimizer", {"name": "adam", "lr": 0.1 * (k + 1)}) for k in range(replicas)], made)
        assert updater.rates.ravel().tolist() == [0.1 * (k + 1) for k in range(replicas)]
        for t in range(1, 4):
            updater(updater.rates, t)
        return made.p.tobytes() + b"".join(slot.tobytes() for slot in updater.slots)
    finally:
        pool.resize(before)


@pytest.mark.parametrize("replicas", [1, 3])
def test_blocks_and_threads_change_no_bit(replicas: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(monkeypatch, 1 << 20, 1, replicas)
    for block, threads in ((1 << 9, 1), (1 << 9, 2), (1 << 10, 3)):
        assert trained(monkeypatch, block, threads, replicas) == whole


def test_slots_have_the_shape_and_dtype_of_the_parameters() -> None:
    made = store(("W", (3, 2), "kernel"), replicas=2, dtype="float32")
    updater = Updater([part("optimizer", "adam")] * 2, made)
    assert [(s.shape, s.dtype) for s in updater.slots] == [((2, 6), np.dtype(np.float32))] * 2
