from __future__ import annotations

from collections.abc import Iterator

import pytest
from layers import bench

from dltricks.core.parallel import pool


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Benches with compiled kernels, on two threads."""
    monkeypatch.setattr(bench, "COMPILED", True)
    threads = pool.threads
    pool.resize(2)
    yield
    pool.resize(threads)
