from __future__ import annotations

import numpy as np

from dltricks.core.store import Parameter, Store


def made() -> Store:
    parameters = [
        Parameter("1.b", (3,), "bias"),
        Parameter("1.W", (2, 3), "kernel"),
        Parameter("2.g", (3,), "gain"),
        Parameter("3.W", (3, 1), "kernel"),
    ]
    return Store(parameters, 2, np.dtype(np.float32))


def test_kernels_come_first_in_the_order_of_their_declaration() -> None:
    store = made()
    assert [p.path for p in store.parameters] == ["1.W", "3.W", "1.b", "2.g"]
    assert store.kernels == slice(0, 9)
    assert (store.replicas, store.size) == (2, 15)
    assert [p.start for p in store.parameters] == [0, 6, 9, 12]


def test_views_share_the_flat_memory() -> None:
    store = made()
    for number, (parameter, view) in enumerate(store.views(store.p), 1):
        assert view.shape == (2, *parameter.shape)
        view[...] = number
    assert store.p[1].tolist() == [1] * 6 + [2] * 3 + [3] * 3 + [4] * 3
    assert not store.g.any()
