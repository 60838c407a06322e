"""Numbers next to zero: taken for zero inside, as ever outside, and in the threads of the pool."""

from __future__ import annotations

import numpy as np
import pytest

from dltricks.core import denormals
from dltricks.core.denormals import flushed, library
from dltricks.core.parallel import Pool
from dltricks.engine.numerics import exact

TINY = np.full(33, 1e-40, np.float32)
known = pytest.mark.skipif(library() is None, reason="another processor or system")


@known
def test_inside_they_are_zero_and_outside_they_are_not() -> None:
    for _ in range(2):
        assert (TINY * np.float32(2) > 0).all()
        with flushed():
            assert not (TINY * np.float32(2)).any()
            small = np.full(33, 1e-30, np.float32)
            assert not (small * small).any()
            with flushed():
                assert not (TINY * np.float32(2)).any()
            assert not (TINY * np.float32(2)).any()


@known
def test_an_error_inside_leaves_nothing_behind() -> None:
    with pytest.raises(KeyError), flushed():
        raise KeyError
    assert (TINY * np.float32(2) > 0).all()


@known
def test_training_and_the_threads_of_its_products_take_them_for_zero() -> None:
    pool = Pool()
    pool.resize(2)
    found: list[bool] = []

    def job() -> None:
        found.append(bool((TINY * np.float32(2)).any()))

    with exact():
        pool.run([job, job, job, job])
    assert found == [False] * 4


def test_ordinary_numbers_keep_their_bits() -> None:
    numbers = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    expected = np.exp(numbers) * numbers / (1 + numbers**2)
    with flushed():
        found = np.exp(numbers) * numbers / (1 + numbers**2)
    assert (found == expected).all()


def test_elsewhere_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denormals, "library", lambda: None)
    with flushed():
        assert (TINY * np.float32(2) > 0).all()
