import math
from pathlib import Path

import numpy as np
import pytest
from comparing.made import arm, entry, plan, rate, spread

from dltricks.comparing.compare import Options, compare_design
from dltricks.comparing.design import design
from dltricks.core.errors import UsageError
from dltricks.statistics.paired import paired_t
from dltricks.statistics.welch import welch_t

HOME = Path("runs/made")


def compare(entries, plans=None, samples=None, **options):
    return compare_design(design(entries, plans or {}), Options(**options), lambda entry: samples)


def two(mean=0.95, base=0.9, **options):
    first, second = arm(spread(base), dropout=rate(0.0)), arm(spread(mean, seed=1), dropout=rate(0.5))
    return compare([*first, *second], **options)


def three(**options):
    runs = [each for i in range(3) for each in arm(spread(0.9 + i / 50, seed=i), dropout=rate(i / 10))]
    return compare(runs, **options)


def test_the_numbers_are_those_of_the_statistics():
    base, other = spread(0.9), spread(0.95, seed=1)
    found = two()
    first, second = found.rows
    assert (first.label, second.label, found.baseline) == ("dropout=0", "dropout=0.5", "dropout=0")
    t = paired_t(other, base)
    assert first.verdict is None
    assert second.verdict.paired
    assert second.verdict.difference == pytest.approx(t.difference, rel=1e-12)
    assert second.verdict.interval == pytest.approx((t.low, t.high), rel=1e-9)
    assert second.verdict.adjusted_p == pytest.approx(t.p, rel=1e-9)
    assert first.mean == pytest.approx(np.mean(base))
    assert found.verdicts == {"dropout=0.5": "helps"}


def test_without_shared_seeds_welch_judges():
    base, other = spread(0.9), spread(0.95, n=8, seed=1)
    found = compare([*arm(base, dropout=rate(0.0)), *arm(other, first=100, dropout=rate(0.5))])
    t = welch_t(other, base)
    assert not found.rows[1].verdict.paired
    assert found.rows[1].verdict.interval == pytest.approx((t.low, t.high), rel=1e-9)
    assert any("not paired" in note for note in found.notes)


def test_a_loss_is_better_where_it_is_smaller():
    found = two(metric="val_loss")
    assert not found.larger_is_better
    assert found.rows[1].verdict.word == "helps"
    assert found.rows[1].verdict.difference < 0 < found.rows[1].verdict.gain


def test_the_baseline_is_the_users_else_the_files_else_the_neutral_one_else_the_first():
    arms = {f"dropout={value}": arm(spread(0.9), dropout=rate(value)) for value in (0.5, 0.0, 0.2)}
    runs = [each for mine in arms.values() for each in mine]
    assert (compare(runs).baseline, compare(runs).baseline_is) == ("dropout=0", "the neutral one")
    declared = compare(runs, {HOME: plan(arms, baseline="dropout=0.2")})
    assert (declared.baseline, declared.baseline_is) == ("dropout=0.2", "declared in the file")
    asked = compare(runs, {HOME: plan(arms, baseline="dropout=0.2")}, baseline="dropout=0.5")
    assert (asked.baseline, asked.baseline_is) == ("dropout=0.5", "as asked")
    epochs = [*arm(spread(0.9), epochs=5), *arm(spread(0.9), epochs=2)]
    assert (compare(epochs).baseline, compare(epochs).baseline_is) == ("epochs=2", "the first")
    with pytest.raises(UsageError, match=r"--baseline: .*did you mean 'dropout=0.5'"):
        compare(runs, baseline="dropuot=0.5")


def test_the_margin_is_the_users_else_the_files():
    arms = {
        "dropout=0": arm(spread(0.9), dropout=rate(0.0)),
        "dropout=0.5": arm(spread(0.95, seed=1), dropout=rate(0.5)),
    }
    runs = [each for mine in arms.values() for each in mine]
    assert compare(runs, {HOME: plan(arms, margin=0.5)}).verdicts == {"dropout=0.5": "equivalent"}
    assert compare(runs, {HOME: plan(arms, margin=0.5)}, margin=0.001).verdicts == {"dropout=0.5": "helps"}
    for margin in (0, -1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="margin"):
            compare(runs, margin=margin)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_runs_declare_nothing(n):
    found = compare([*arm(spread(0.5, n=n), dropout=rate(0.0)), *arm(spread(0.9, n=n, seed=1), dropout=rate(0.5))])
    assert found.verdicts == {"dropout=0.5": "inconclusive"}
    assert (found.rows[0].interval is None) == (n == 1)


def test_a_seed_that_changes_nothing_proves_nothing():
    found = compare([*arm([0.5] * 10, dropout=rate(0.0)), *arm([0.9] * 10, dropout=rate(0.5))])
    assert found.verdicts == {"dropout=0.5": "inconclusive"}
    assert found.rows[0].interval is None
    assert found.rows[0].sd == 0


def test_divergence_is_a_result():
    base = arm(spread(0.9), dropout=rate(0.0))
    lost = [entry(0.1, seed, "diverged", dropout=rate(0.5)) for seed in range(4)]
    best = [entry(0.98 + seed / 1000, seed, dropout=rate(0.5)) for seed in range(4, 10)]
    row = compare([*base, *lost, *best]).rows[1]
    assert row.diverged == 0.4
    assert row.counts == {"finished": 6, "diverged": 4}
    assert row.verdict.word == "inconclusive"
    assert row.verdict.incomplete == (0, 1, 2, 3)
    everything = [entry(math.nan, seed, "diverged", dropout=rate(0.5)) for seed in range(10)]
    assert compare([*base, *everything]).rows[1].verdict.word == "hurts"


def test_a_value_that_is_not_finite_is_a_divergence():
    found = compare([*arm(spread(0.9), dropout=rate(0.0)), *arm([math.nan, *spread(0.9, n=9)], dropout=rate(0.5))])
    assert found.rows[1].diverged == 0.1
    assert np.isfinite(found.rows[1].mean)


def test_runs_that_have_not_ended_are_counted_and_not_compared():
    unfinished = [entry(0.9, 8, "running", dropout=rate(0.5)), entry(0.9, 9, "interrupted", dropout=rate(0.5))]
    runs = [*arm(spread(0.9), dropout=rate(0.0)), *arm(spread(0.9, n=8, seed=1), dropout=rate(0.5)), *unfinished]
    row = compare(runs).rows[1]
    assert row.counts == {"finished": 8, "running": 1, "interrupted": 1}
    assert row.verdict.n == (8, 8)
    assert row.verdict.incomplete == (8, 9)
    found = compare([*arm(spread(0.9), dropout=rate(0.0)), *unfinished])
    assert found.rows[1].verdict.word == "inconclusive"
    assert any("no run has ended" in note for note in found.notes)


def test_runs_without_the_epoch_are_named_and_not_compared():
    short = [entry(curve=[0.5, 0.6], seed=seed, dropout=rate(0.5)) for seed in range(2)]
    runs = [*arm(spread(0.9), dropout=rate(0.0)), *short, *arm(spread(0.9, n=8), first=2, dropout=rate(0.5))]
    found = compare(runs, at="epoch=3")
    assert len(found.rows[1].values) == 8
    assert any("2 finished runs have no val_accuracy of epoch 3" in note for note in found.notes)
    assert len(compare(runs, at="epoch=2").rows[1].values) == 10
    nowhere = compare([*runs[:10], *short], at="epoch=3")
    assert nowhere.rows[1].mean is None
    assert nowhere.verdicts == {"dropout=0.5": "inconclusive"}


def test_many_values_are_an_exploration_unless_the_user_says_otherwise():
    runs = [each for i in range(12) for each in arm(spread(0.9, seed=i), dropout=rate(i / 20))]
    assert compare(runs).exploratory
    assert not compare(runs, exploratory=False).exploratory
    assert not compare(runs[:110]).exploratory
    assert compare(runs[:20], exploratory=True).exploratory


def test_all_pairs_are_one_family():
    found = three(pairs=True)
    assert {(each.label, each.baseline) for each in found.pairs} == {
        ("dropout=0.1", "dropout=0"), ("dropout=0.2", "dropout=0"), ("dropout=0.2", "dropout=0.1")
    }  # fmt: skip
    assert found.rows[1].verdict.adjusted_p >= three().rows[1].verdict.adjusted_p


def test_dunnett_only_where_equal_spreads_are_declared():
    assert {row.verdict.test for row in three(equal_variances=True).rows[1:]} == {"Dunnett"}
    assert {row.verdict.test for row in three().rows[1:]} == {"paired t"}
    with pytest.raises(UsageError, match="equal-variances"):
        three(equal_variances=True, pairs=True)


def test_hedges_g_on_request_points_to_the_better():
    assert two().rows[1].effect is None
    assert two(effect_size=True).rows[1].effect.value > 0
    assert two(effect_size=True, metric="val_loss").rows[1].effect.value > 0


def test_the_error_of_the_test_set_stands_beside_the_spread():
    runs = [
        *(entry(seed=s, test={"test_accuracy": v}, dropout=rate(0.0)) for s, v in enumerate(spread(0.9))),
        *(entry(seed=s, test={"test_accuracy": v}, dropout=rate(0.5)) for s, v in enumerate(spread(0.9, seed=1))),
    ]
    found = compare(runs, metric="test_accuracy", samples=180)
    assert found.rows[0].sampling.se == pytest.approx(math.sqrt(found.rows[0].mean * (1 - found.rows[0].mean) / 180))
    assert found.at == "stored"
    assert compare(runs, metric="test_accuracy").rows[0].sampling is None
    for wrong in ({"at": "best"}, {"target": 0.5}):
        with pytest.raises(UsageError):
            compare(runs, metric="test_accuracy", **wrong)


def test_nothing_to_compare_is_said():
    with pytest.raises(UsageError, match=r"no run to compare \(left out: 1 of a tuning\)"):
        compare([entry(role="tuning")])


def test_one_variant_has_a_mean():
    found = compare(arm(spread(0.9)))
    assert found.verdicts == {}
    assert found.rows[0].interval is not None
    assert compare([entry(status="interrupted")]).rows[0].mean is None


def test_an_epoch_that_no_run_has_is_refused():
    runs = [*arm(spread(0.9)), *arm(spread(0.9, seed=1), dropout=rate(0.5))]
    with pytest.raises(UsageError, match="epoch=4, but no run is longer than 3 epochs"):
        compare(runs, at="epoch=4")


@pytest.mark.parametrize("target", [math.nan, math.inf])
def test_a_target_is_a_number(target):
    with pytest.raises(UsageError, match="--target"):
        compare(arm(spread(0.9)), target=target)


def test_alone_there_is_no_baseline_to_count_to():
    assert compare(arm(spread(0.9))).target_is == "the mean of these runs"
