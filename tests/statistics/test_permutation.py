from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from dltricks.core.errors import UsageError
from dltricks.statistics import permutation
from dltricks.statistics.permutation import FEWEST, sign_flip, smallest_p


def brute(d: np.ndarray) -> float:
    seen = abs(d.sum())
    sums = np.array([np.dot(signs, d) for signs in product((1, -1), repeat=len(d))])
    return float(np.mean(np.abs(sums) >= seen * (1 - 1e-9) - 1e-12))


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 12])
def test_every_pattern_is_counted(n: int) -> None:
    rng = np.random.default_rng(n)
    for shift in (0, 0.5, 5):
        d = rng.normal(shift, 1, n)
        mine = sign_flip(d)
        assert mine.exact
        assert mine.p == pytest.approx(brute(d), abs=1e-12)


def test_ties_are_ties_although_rounding_splits_them() -> None:
    d = np.array([0.1, 0.2, -0.3, 0.1, 0.1, -0.1, 0.3])
    whole = np.array([1, 2, -3, 1, 1, -1, 3])
    assert sign_flip(d).p == brute(whole)


def test_the_smallest_p_is_reached_when_all_agree() -> None:
    assert min(n for n in range(1, 20) if smallest_p(n) < 0.05) == FEWEST
    for n in (1, 5, 6, 20, 32):
        mine = sign_flip(np.linspace(1, 2, n))
        assert mine.p == mine.smallest_p == 2 / 2**n


def test_no_difference_at_all() -> None:
    assert sign_flip([0.0, 0.0, 0.0]).p == 1


def test_many_pairs_are_sampled_and_agree_with_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    d = np.random.default_rng(3).normal(0.45, 1, 24)
    exact = sign_flip(d)
    monkeypatch.setattr(permutation, "EXACT_UP_TO", 23)
    drawn = sign_flip(d)
    assert not drawn.exact
    assert drawn.p == sign_flip(d).p
    assert 0 < abs(drawn.p - exact.p) < 5 * np.sqrt(exact.p / 1e5)
    assert sign_flip(np.ones(40)).p == 1 / 100_000


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_patterns_that_cannot_reach_it_need_not_be_drawn(monkeypatch: pytest.MonkeyPatch, scale: float) -> None:
    noise = np.random.default_rng(4).normal(0, 1, 300)
    shifts = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
    quick = [sign_flip(scale * (noise + shift)).p for shift in shifts]
    with monkeypatch.context() as patched:
        patched.setattr(permutation, "NEVER", 0.0)
        assert quick == [sign_flip(scale * (noise + shift)).p for shift in shifts]
    assert quick[0] > 0.05
    assert quick[-1] == 1 / 100_000
    monkeypatch.setattr(np, "unpackbits", None)
    assert sign_flip(scale * (noise + 0.7)).p == quick[-1]  # without a draw


def test_refusals() -> None:
    with pytest.raises(UsageError):
        sign_flip([])
