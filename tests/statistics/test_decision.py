from __future__ import annotations

import numpy as np
import pytest

from dltricks.statistics.decision import (
    BETTER,
    EQUIVALENT,
    EXPLORING,
    HOLM,
    UNDECIDED,
    WORSE,
    Adjustment,
    decide,
    dunnett_adjustment,
    t_evidence,
)
from dltricks.statistics.student import interval

DUNNETT = dunnett_adjustment(9, np.full(4, np.sqrt(0.5)))


@pytest.mark.parametrize("adjustment", [HOLM, EXPLORING, DUNNETT], ids=["holm", "exploring", "dunnett"])
@pytest.mark.parametrize("margin", [None, 0.5])
def test_a_word_is_where_its_interval_lies(adjustment: Adjustment, margin: float | None) -> None:
    rng = np.random.default_rng(0)
    gain, se = rng.normal(0, 2, (60, 4)), rng.uniform(0.1, 0.6, (60, 4))
    mine = decide(t_evidence(gain, se, 9, margin), 0.05, adjustment)
    low, high = interval(gain, se, 9, mine.level)
    np.testing.assert_array_equal(mine.word == BETTER, low > (margin or 0))
    np.testing.assert_array_equal(mine.word == WORSE, high < -(margin or 0))
    named = np.isin(mine.word, (BETTER, WORSE))
    assert 50 < named.sum() < 220
    assert (mine.adjusted_p[named] < 0.05).all()
    assert (mine.word == EQUIVALENT).any() == (margin is not None)


def test_rows_are_decided_alone() -> None:
    rng = np.random.default_rng(1)
    gain = rng.normal(0, 3, (50, 3))
    together = decide(t_evidence(gain, 1.0, 5, 1.0), 0.05)
    for k in range(50):
        alone = decide(t_evidence(gain[k], 1.0, 5, 1.0), 0.05)
        np.testing.assert_array_equal(together.word[k], alone.word)
        np.testing.assert_array_equal(together.level[k], alone.level)


def test_company_makes_a_claim_harder() -> None:
    words = [decide(t_evidence(np.array([2.2, *[0.1] * others]), 1.0, 20, None), 0.05).word[0] for others in range(5)]
    assert words == [BETTER] + [UNDECIDED] * 4
    alone, company = (decide(t_evidence(np.zeros(m), 0.5, 10, 1.0), 0.05).word[0] for m in (1, 8))
    assert (alone, company) == (EQUIVALENT, UNDECIDED)


def test_what_was_not_tested_still_counts() -> None:
    gain = np.array([2.5, np.nan])
    mine = decide(t_evidence(gain, 1.0, 20, 0.1), 0.05)
    assert mine.word.tolist() == [UNDECIDED, UNDECIDED]
    assert decide(t_evidence(gain[:1], 1.0, 20, 0.1), 0.05).word.tolist() == [BETTER]
