import math

import numpy as np
import pytest
from comparing.made import entry, rate
from comparing.test_compare import compare


def test_curves_of_unequal_length_are_averaged_over_those_that_are_left():
    runs = [entry(curve=[0.2, 0.4], seed=0), entry(curve=[0.4, 0.6, 0.9], seed=1)]
    curve = compare(runs).rows[0].curve
    assert curve.mean == pytest.approx([0.3, 0.5, 0.9])
    assert list(curve.runs) == [2, 2, 1]
    assert np.isnan(curve.low[2])
    assert curve.low[0] < 0.3 < curve.high[0]


def test_a_value_that_is_not_finite_is_left_out_of_its_epoch():
    runs = [entry(curve=[0.2, math.nan, 0.9], seed=0), entry(curve=[0.4, math.inf, 0.9], seed=1)]
    curve = compare(runs).rows[0].curve
    assert curve.mean == pytest.approx([0.3, math.nan, 0.9], nan_ok=True)


def test_a_run_that_never_reaches_the_target_counts_as_never():
    base = [entry(curve=[0.5, 0.8, 0.9], seed=seed, dropout=rate(0.0)) for seed in range(4)]
    slow = [entry(curve=[0.5, 0.6, 0.7], seed=seed, dropout=rate(0.5)) for seed in range(4)]
    found = compare([*base, *slow], target=0.8)
    assert [row.target.median for row in found.rows] == [2.0, math.inf]
    assert (found.target, found.target_is) == (0.8, "as asked")
    assert compare([*base, *slow]).target == pytest.approx(0.9)


def test_a_run_that_is_still_trained_is_watched_as_far_as_it_is():
    base = [entry(curve=[0.5, 0.8, 0.9], seed=seed) for seed in range(4)]
    watched = entry(curve=[0.5, 0.6], seed=9, status="interrupted")
    there = entry(curve=[0.9], seed=10, status="running")
    target = compare([*base, watched, there], target=0.8).rows[0].target
    assert (target.n, target.reached) == (6, 5)


def test_a_loss_is_to_fall_to_its_target():
    runs = [entry(curve=[0.5, 0.8, 0.9], seed=seed) for seed in range(4)]
    assert compare(runs, metric="val_loss", target=0.25).rows[0].target.median == 2


def test_a_run_that_diverged_behind_its_target_has_reached_it():
    runs = [entry(curve=[0.5, 0.9], seed=0, status="diverged"), entry(curve=[0.5, 0.1], seed=1, status="diverged")]
    target = compare(runs, target=0.8).rows[0].target
    assert (target.n, target.reached) == (2, 1)


def test_seconds_are_those_of_whole_runs():
    assert compare([entry(curve=[0.1] * 7)]).rows[0].seconds == 7


def test_a_loss_beyond_what_can_be_squared_has_no_interval():
    (row,) = compare([entry(value, seed, curve=[value]) for seed, value in enumerate((-1e300, 1e300))]).rows
    assert np.isnan([row.curve.low, row.curve.high]).all()
    assert np.isfinite(row.curve.mean).all()
