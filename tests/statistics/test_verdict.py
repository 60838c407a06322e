"""Verdicts: which word, from which test, and the sentence; and that nothing odd crashes or passes for certainty."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from dltricks.core.errors import UsageError
from dltricks.statistics.comparison import Arm
from dltricks.statistics.decision import BETTER, WORSE, decide, t_evidence
from dltricks.statistics.dunnett import blocks, dunnett_p
from dltricks.statistics.judged import MOST_SEEDS, Judged
from dltricks.statistics.multiplicity import holm
from dltricks.statistics.paired import paired_t
from dltricks.statistics.power import seeds_needed
from dltricks.statistics.verdict import judge, judge_each

RNG = np.random.default_rng(0)
LUCK = RNG.normal(0.9, 0.02, 10)
REST = RNG.normal(0, 0.01, 10)
REST -= REST.mean()
SE = REST.std(ddof=1) / np.sqrt(10)


def arm(label: str, values: Iterable[float], diverged: int = 0, first: int = 0) -> Arm:
    found = {first + seed: float(value) for seed, value in enumerate(values)}
    return Arm(label, found, diverged, frozenset(range(first, first + len(found) + diverged)))


def one(
    baseline: Arm, variant: Arm, margin: float | None = None, larger_is_better: bool = True, exploratory: bool = False
) -> Judged:
    judged = judge(baseline, [variant], larger_is_better=larger_is_better, margin=margin, exploratory=exploratory)[0]
    assert judged.reason[0].isupper() or judged.reason[0].isdigit()
    assert judged.reason.endswith(".")
    assert "nan" not in judged.reason.lower()
    assert "None" not in judged.reason
    for value in dataclasses.asdict(judged).values():
        assert not isinstance(value, float) or math.isfinite(value)
    return judged


BASE = arm("base", LUCK)


@pytest.mark.parametrize(
    ("shift", "margin", "word"),
    [
        (0.02, None, "helps"),
        (-0.02, None, "hurts"),
        (0.001, None, "inconclusive"),
        (0.02, 0.005, "helps"),
        (0.02, 0.018, "inconclusive"),
        (0.001, 0.05, "equivalent"),
        (0.02, 0.05, "equivalent"),
        (0.001, 0.005, "inconclusive"),
    ],
)
def test_words(shift: float, margin: float | None, word: str) -> None:
    judged = one(BASE, arm("v", LUCK + shift + REST), margin)
    assert (judged.word, judged.paired, judged.n, judged.test) == (word, True, (10, 10), "paired t")
    assert judged.difference == pytest.approx(shift)
    flipped = one(arm("base", -LUCK), arm("v", -LUCK - shift - REST), margin, larger_is_better=False)
    assert (flipped.word, flipped.gain) == (word, pytest.approx(shift))
    assert flipped.difference == pytest.approx(-shift)
    assert judged.interval is not None
    assert flipped.interval == pytest.approx([-end for end in reversed(judged.interval)])
    assert flipped.improvement == judged.improvement


def test_numbers_are_those_of_the_routines() -> None:
    values = LUCK + 0.02 + REST
    judged, t = one(BASE, arm("v", values)), paired_t(values, LUCK)
    assert judged.interval == pytest.approx((t.low, t.high))
    assert (judged.p, judged.adjusted_p, judged.correlation) == pytest.approx((t.p, t.p, t.correlation))
    assert judged.smallest_p == 2 / 2**10
    assert judged.permutation_p is not None
    assert judged.permutation_p >= judged.smallest_p
    assert judged.improvement == np.mean(values > LUCK)
    assert "10 shared seeds" in judged.reason
    assert f"{t.difference:.4g}" in judged.reason


def test_several_variants_are_adjusted_together() -> None:
    variants = [arm(str(k), LUCK + shift + REST) for k, shift in enumerate((0.02, 2.57 * SE, 0.1 * SE))]
    alone = [one(BASE, variant) for variant in variants]
    judged = judge(BASE, variants, larger_is_better=True, margin=None)
    assert [each.word for each in alone] == ["helps", "helps", "inconclusive"]
    assert [each.word for each in judged] == ["helps", "inconclusive", "inconclusive"]
    np.testing.assert_allclose([each.adjusted_p for each in judged], holm([each.p for each in alone]))
    assert judged[0].interval_confidence == pytest.approx(1 - 0.05 / 3)
    exploring = judge(BASE, variants, larger_is_better=True, margin=None, exploratory=True)
    assert [each.word for each in exploring] == ["helps", "helps", "inconclusive"]
    assert all(each.exploratory and each.reason.startswith("Only exploring: ") for each in exploring)


def test_all_pairs_are_one_family() -> None:
    arms = [BASE, arm("a", LUCK + 0.02 + REST), arm("b", LUCK + 0.03 - REST)]
    judged = judge_each(list(combinations(arms, 2)), larger_is_better=True, margin=None)
    assert [(each.label, each.baseline) for each in judged] == [("a", "base"), ("b", "base"), ("b", "a")]
    np.testing.assert_allclose([each.adjusted_p for each in judged], holm([each.p for each in judged]))


def test_pairing_is_planned_and_not_found() -> None:
    values = LUCK + 0.02 + REST
    elsewhere = one(BASE, arm("v", values, first=100))
    assert (elsewhere.paired, elsewhere.test, elsewhere.permutation_p, elsewhere.correlation) == (
        False,
        "Welch",
        None,
        None,
    )
    assert elsewhere.p == pytest.approx(stats.ttest_ind(values, LUCK, equal_var=False).pvalue)
    # The same seeds by chance, but another plan
    assert not one(BASE, dataclasses.replace(arm("v", values), planned=frozenset(range(11)))).paired
    assert "10 runs of each" in elsewhere.reason


def test_incomplete_pairs_are_named() -> None:
    found = {seed: float(value) for seed, value in enumerate(LUCK + 0.02 + REST) if seed not in (3, 7)}
    judged = one(BASE, Arm("v", found, 0, BASE.planned))
    assert (judged.n, judged.incomplete, judged.word) == ((8, 8), (3, 7), "helps")
    assert judged.reason.endswith("; incomplete: seeds 3, 7.")
    unpaired = one(BASE, Arm("v", found, 0, frozenset(range(9))))
    assert unpaired.incomplete == (3, 7)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_under_six_nothing_is_declared(n: int) -> None:
    shift = np.linspace(1.0, 1.001, n)
    for first in (0, 100):
        judged = one(arm("base", LUCK[:n]), arm("v", LUCK[:n] + shift, first=first), 0.1)
        assert judged.word == "inconclusive"
        assert "fewer than 6" in judged.reason.lower()
        assert judged.more_seeds == 6 - n
        assert judged.interval is not None
    assert one(arm("base", LUCK[:n]), arm("v", LUCK[:n] + np.linspace(-1, 1, n) / 1e3), 0.1).word == "inconclusive"


def test_diverging_more_often_never_helps() -> None:
    better = arm("v", LUCK[:8] + 0.05 + REST[:8], diverged=2)
    judged = one(BASE, better)
    assert (judged.word, judged.diverged) == ("inconclusive", (0.2, 0))
    assert "2 of 10 runs diverged" in judged.reason
    assert one(BASE, arm("v", LUCK[:8] - 0.05 + REST[:8], diverged=2)).word == "hurts"
    assert one(BASE, arm("v", LUCK[:8] + REST[:8] / 1e3, diverged=2), 0.05).word == "inconclusive"
    rough = arm("base", LUCK[:8], diverged=2)
    assert one(rough, better).word == "helps"
    assert one(rough, arm("v", LUCK - 0.05 + REST)).word == "inconclusive"


def test_a_value_that_is_not_finite_is_a_divergence() -> None:
    values = LUCK + 0.05 + REST
    values[2], values[5] = np.nan, np.inf
    judged = one(BASE, arm("v", values))
    assert (judged.word, judged.diverged, judged.incomplete) == ("inconclusive", (0.2, 0), (2, 5))


def test_divergence_itself_can_decide() -> None:
    gone = arm("v", [], diverged=10)
    judged = one(BASE, gone)
    assert (judged.word, judged.test, judged.difference) == ("hurts", "divergence", None)
    assert judged.p == pytest.approx(2 * stats.fisher_exact([[10, 0], [0, 10]], "greater").pvalue)
    assert one(gone, BASE).word == "helps"
    assert one(arm("base", LUCK[:4], diverged=6), arm("v", LUCK[:3], diverged=7)).word == "inconclusive"
    assert one(arm("base", LUCK[:5]), arm("v", [], diverged=5)).word == "inconclusive"
    several = judge(BASE, [gone, arm("w", LUCK + 0.02 + REST)], larger_is_better=True, margin=None)
    assert [each.word for each in several] == ["hurts", "helps"]


def test_equal_differences_are_judged_by_signs() -> None:
    judged = one(BASE, arm("v", LUCK + 0.25))
    assert (judged.word, judged.test, judged.p, judged.interval) == ("helps", "sign flips", 2 / 2**10, None)
    assert one(BASE, arm("v", LUCK + 0.25), 0.3).word == "equivalent"
    assert one(BASE, arm("v", LUCK + 0.25), 0.2).word == "helps"
    assert one(arm("base", LUCK[:5]), arm("v", LUCK[:5] + 0.25)).word == "inconclusive"
    many = judge(BASE, [arm("v", LUCK + 0.25)] * 26, larger_is_better=True, margin=None)
    assert {each.word for each in many} == {"inconclusive"}


def test_identical_runs() -> None:
    judged = one(BASE, arm("v", LUCK))
    assert (judged.word, judged.p, judged.difference, judged.improvement) == ("inconclusive", 1, 0, 0.5)
    assert "same values" in judged.reason
    assert one(BASE, arm("v", LUCK), 0.001).word == "equivalent"


def test_seeds_that_change_nothing_are_one_run() -> None:
    for margin in (None, 0.001, 0.5):
        for first in (0, 100):
            judged = one(arm("base", [0.9] * 10), arm("v", [0.95] * 10, first=first), margin)
            assert (judged.word, judged.p, judged.more_seeds) == ("inconclusive", None, None)
            assert "changes nothing" in judged.reason


@pytest.mark.parametrize("margin", [None, 0.01])
@pytest.mark.parametrize("first", [0, 100])
@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 5), (1, 1), (1, 0), (1, 9), (2, 1)])
def test_next_to_nothing(n: int, m: int, first: int, margin: float | None) -> None:
    judged = one(arm("base", LUCK[:n]), arm("v", LUCK[:m] + REST[:m], first=first), margin)
    assert (judged.word, judged.interval, judged.p) == ("inconclusive", None, None)
    assert judged.more_seeds == 6 - min(n, m)


def test_more_seeds_are_about_as_many_as_planning_says() -> None:
    judged = one(BASE, arm("v", LUCK + 0.005 + REST))
    spread = REST.std(ddof=1)
    assert judged.more_seeds == (seeds_needed(0.005, spread) or 0) - 10
    assert f"about {judged.more_seeds} more seeds" in judged.reason
    tiny = one(BASE, arm("v", LUCK + 1e-5 + REST))
    assert tiny.more_seeds is None
    assert f"more than {MOST_SEEDS} more seeds" in tiny.reason
    assert (one(BASE, arm("v", LUCK + 0.001 + REST), 0.006).more_seeds or 0) < 60


def test_dunnett_where_declared() -> None:
    variants = [LUCK + 0.01 + REST, LUCK - 0.02 + REST[::-1], LUCK + np.roll(REST, 3)]
    judged = judge(
        BASE, [arm(str(k), v) for k, v in enumerate(variants)], larger_is_better=True, margin=None, equal_variances=True
    )
    pooled = blocks(LUCK, np.array(variants))
    p = 2 * stats.t.sf(np.abs(pooled.difference / pooled.se), pooled.df)
    np.testing.assert_allclose([each.p for each in judged], p, rtol=1e-9)
    np.testing.assert_allclose([each.adjusted_p for each in judged], dunnett_p(p, pooled.df, pooled.loadings))
    assert [each.word for each in judged] == ["helps", "hurts", "inconclusive"]
    assert {each.test for each in judged} == {"Dunnett"}
    intervals = np.array([each.interval for each in judged])
    np.testing.assert_allclose(np.ptp(intervals, axis=1), np.ptp(intervals[0]))
    unpaired = judge(BASE, [arm("v", variants[0], first=50)], larger_is_better=True, margin=0.5, equal_variances=True)
    assert unpaired[0].word == "equivalent"
    assert unpaired[0].p == pytest.approx(stats.ttest_ind(variants[0], LUCK).pvalue)


def test_dunnett_with_gaps_and_divergence() -> None:
    whole, part = arm("a", LUCK + 0.02 + REST), arm("b", LUCK[:8] + 0.02 - REST[:8], diverged=2)
    part = dataclasses.replace(part, planned=BASE.planned)
    gone = Arm("c", {0: 0.5}, 9, BASE.planned)
    judged = judge(BASE, [whole, part, gone], larger_is_better=True, margin=None, equal_variances=True)
    assert [each.n[0] for each in judged] == [8, 8, 1]
    assert [each.word for each in judged] == ["helps", "inconclusive", "hurts"]
    only = judge(BASE, [gone], larger_is_better=True, margin=None, equal_variances=True)
    assert only[0].test == "divergence"
    mixed = [whole, arm("d", LUCK, first=20)]
    with pytest.raises(UsageError, match="Dunnett"):
        judge(BASE, mixed, larger_is_better=True, margin=None, equal_variances=True)
    with pytest.raises(UsageError, match="choose one"):
        judge(BASE, [whole], larger_is_better=True, margin=None, equal_variances=True, exploratory=True)


def test_refusals() -> None:
    variant = arm("v", LUCK)
    for margin in (0.0, -1.0, math.nan):
        with pytest.raises(UsageError, match="margin"):
            judge(BASE, [variant], larger_is_better=True, margin=margin)
    with pytest.raises(UsageError, match="confidence"):
        judge(BASE, [variant], larger_is_better=True, margin=None, confidence=95)
    assert judge(BASE, [], larger_is_better=True, margin=None) == []


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("margin", [None, 0.8])
def test_words_are_those_of_the_rule_that_is_simulated(paired: bool, margin: float | None) -> None:
    """``judge`` adds to ``decide`` only what odd data need, so false alarms may be measured on ``decide``."""
    rng = np.random.default_rng(4)
    seen = set()
    for _ in range(60):
        values = rng.normal(size=(5, 8)) * [[1], [1], [1], [0.3], [0.1]]
        values[2:] += rng.choice([0, 1.5, -1.5], (3, 1))
        arms = [arm(str(k), row, first=0 if paired else 50 * k) for k, row in enumerate(values)]
        judged = judge(arms[0], arms[1:], larger_is_better=True, margin=margin)
        expected = _by_the_rule(values, paired, margin)
        assert [each.word for each in judged] == expected
        seen |= set(expected)
    assert seen == {"helps", "hurts", "inconclusive"} | ({"equivalent"} if margin else set())


def _by_the_rule(values: np.ndarray, paired: bool, margin: float | None) -> Sequence[str]:
    difference = values[1:].mean(axis=1) - values[0].mean()
    if paired:
        se, df = (values[1:] - values[0]).std(axis=1, ddof=1) / np.sqrt(8), np.full(4, 7.0)
    else:
        va, vb = values[1:].var(axis=1, ddof=1) / 8, values[0].var(ddof=1) / 8
        se, df = np.sqrt(va + vb), (va + vb) ** 2 / ((va**2 + vb**2) / 7)
    names = {BETTER: "helps", WORSE: "hurts", 2: "equivalent", 0: "inconclusive"}
    return [names[int(word)] for word in decide(t_evidence(difference, se, df, margin), 0.05).word]


@pytest.mark.parametrize("first", [0, 100], ids=["paired", "welch"])
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_the_unit_of_the_metric_does_not_matter(scale: float, first: int) -> None:
    """Squares of such values are 0 or infinite, and of a loss nobody knows how large it is."""
    variants = [LUCK + 0.02 + REST, LUCK - 0.02 - REST, LUCK + REST, LUCK]
    for equal_variances in (False, True):

        def words(unit: float, equal_variances: bool = equal_variances) -> list[Judged]:
            arms = [arm(str(k), unit * values, first=first) for k, values in enumerate(variants)]
            base = arm("base", unit * LUCK)
            margin, options = 0.05 * unit, {"equal_variances": equal_variances}
            return judge(base, arms, larger_is_better=True, margin=margin, **options) + judge(
                base, arms, larger_is_better=False, margin=None, **options
            )

        for mine, plain in zip(words(scale), words(1.0), strict=True):
            assert (mine.word, mine.test, mine.more_seeds) == (plain.word, plain.test, plain.more_seeds)
            assert mine.adjusted_p == pytest.approx(plain.adjusted_p, rel=1e-6)
            assert (mine.correlation or 0) == pytest.approx(plain.correlation or 0, rel=1e-6)
            assert mine.difference == pytest.approx((plain.difference or 0) * scale, rel=1e-6, abs=1e-12 * scale)


@pytest.mark.parametrize("margin", [5e-324, 1e-200, 1e300])
def test_a_margin_may_be_absurd(margin: float) -> None:
    judged = one(BASE, arm("v", LUCK + 1e-5 + REST), margin)
    assert judged.word == ("equivalent" if margin > 1 else "inconclusive")
    assert judged.more_seeds is None
