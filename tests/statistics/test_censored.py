from __future__ import annotations

import numpy as np
import pytest

from dltricks.core.errors import UsageError
from dltricks.statistics.censored import time_to_target

NEVER = np.inf
MAINTAINED = [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0]
"""Acute myelogenous leukaemia, with and without maintained chemotherapy: Miller 1997, Survival Analysis, p. 49."""
OTHERS = [5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]


def test_published_medians() -> None:
    assert time_to_target(*MAINTAINED).median == 31
    mine = time_to_target(*OTHERS)
    assert (mine.median, mine.low, mine.high) == (23, 5, 33)


def test_a_run_that_never_arrives_counts() -> None:
    mine = time_to_target([3, 5, NEVER, 4, NEVER, 8, 9])
    assert (mine.median, mine.reached, mine.n) == (8, 5, 7)
    assert mine.share == 5 / 7
    assert mine.high == NEVER
    assert time_to_target([3, 5, 4, 8, 9]).median == 5


def test_fewer_than_half_is_never() -> None:
    mine = time_to_target([3, NEVER, NEVER])
    assert (mine.median, mine.high) == (NEVER, NEVER)
    assert time_to_target([NEVER] * 4).low == NEVER
    assert time_to_target([3, 4, NEVER, NEVER]).median == 4


def test_an_unfinished_run_is_watched_only_so_far() -> None:
    # The run at 4 may still arrive at 5 or never: of the three left, one arrives at 6.
    mine = time_to_target([2, 4, 6, 8, NEVER], [True, False, True, True, True])
    assert mine.median == 8
    assert (mine.reached, mine.share) == (3, 3 / 4)


def test_nothing_to_tell() -> None:
    mine = time_to_target([])
    assert (mine.n, mine.median, mine.share_low, mine.share_high) == (0, NEVER, 0, 1)
    assert np.isnan(mine.share)


@pytest.mark.parametrize(("times", "ended"), [([np.nan], None), ([-1.0], None), ([NEVER], [False]), ([1.0], [1, 1])])
def test_refusals(times: list[float], ended: list[bool] | None) -> None:
    with pytest.raises(UsageError):
        time_to_target(times, ended)
