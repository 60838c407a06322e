from __future__ import annotations

import math
from typing import Any

import pytest
from comparing.made import arm, entry, rate, spread
from comparing.test_compare import compare

from dltricks.cli.curve_plot import HEIGHT, MARKS, plot
from dltricks.runs.entry import Entry


def lines(runs: list[Entry], width: int = 80, **options: Any) -> list[str]:
    return [line.plain for line in plot(compare(runs, **options), width)]


def test_curves_rise_from_the_left_and_have_a_legend() -> None:
    runs = [entry(curve=[0.1, 0.2, 0.3 + seed / 100], seed=seed) for seed in range(3)]
    drawn = lines(runs)
    assert drawn[0] == "val_accuracy, mean and 95 % interval"
    canvas = drawn[1 : HEIGHT + 1]
    places = [(line.index("●"), at) for at, line in enumerate(canvas) if "●" in line]
    assert places == sorted(places, reverse=True)
    assert len(places) > 3
    assert "░" in "".join(canvas)
    assert drawn[-2].split() == ["1", "epoch", "3"]
    assert max(map(len, drawn)) <= 80


def test_each_variant_has_a_mark_of_its_own() -> None:
    runs = [each for i in range(3) for each in arm(spread(0.9 + i / 50, seed=i), dropout=rate(i / 10))]
    drawn = lines(runs)
    assert drawn[-3:] == ["● dropout=0 (baseline)", "▲ dropout=0.1", "■ dropout=0.2"]
    canvas = "".join(drawn[1 : HEIGHT + 1])
    assert all(mark in canvas for mark in MARKS[:3])


def test_more_curves_than_marks_are_counted() -> None:
    runs = [each for i in range(10) for each in arm(spread(0.9, n=2, seed=i), dropout=rate(i / 20))]
    assert lines(runs)[-1] == "and 2 more that are not drawn; --where selects some"


@pytest.mark.parametrize(
    "curve", [[0.5], [0.5] * 4, [math.nan] * 3, [0.5, math.inf, 0.6], [1e300, -1e300], list(range(500))]
)
@pytest.mark.parametrize("width", [5, 40, 200])
def test_whatever_the_values(curve: list[float], width: int) -> None:
    drawn = lines([entry(curve=curve, seed=seed) for seed in range(3)], width)
    assert len(drawn) == HEIGHT + 4


def test_without_curves_nothing_is_drawn() -> None:
    assert lines([entry(seed=s, test={"test_accuracy": 0.9}) for s in range(2)], metric="test_accuracy") == []
