from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.experiment.document import parse
from dltricks.experiment.grids import STEP, Grid, grown
from dltricks.experiment.tuning import read_tuning


def always(key, value):
    return True


def test_a_linear_grid_goes_on_with_its_step():
    grid = Grid("dropout.rate", (0.1, 0.2, 0.3, 0.4), "linear")
    assert grown(grid, ["largest"], always) == Grid("dropout.rate", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), "linear", 0, 2)
    assert grown(grid, ["smallest"], always).values[:2] == (-0.1, 0.0)


def test_whole_numbers_stay_whole():
    grid = Grid("batch_size", (16, 32, 64), "log")
    assert grown(grid, ["largest", "smallest"], always).values == (4, 8, 16, 32, 64, 128, 256)
    assert all(type(value) is int for value in grown(grid, ["largest", "smallest"], always).values)
    steps = Grid("epochs", (3, 4, 5), "linear")
    assert grown(steps, ["largest"], always).values == (3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    ("grid", "side"),
    [
        (Grid("optimizer.lr", (1e-300, 1e300), "log"), "largest"),
        (Grid("optimizer.lr", (1e-300, 1e300), "log"), "smallest"),
        (Grid("optimizer.lr", (-1e308, 1e308), "linear"), "largest"),
        # 10.00001 has seven digits.
        (Grid("optimizer.lr", (9.99999, 10.0), "linear"), "largest"),
    ],
)
def test_there_is_nothing_beyond_the_reach_of_a_number(grid, side):
    assert grown(grid, [side], always) == grid


@given(
    st.floats(1e-6, 1e3),
    st.floats(1.5, 20),
    st.integers(2, 8),
    st.lists(st.sets(st.sampled_from(["smallest", "largest"]), min_size=1), min_size=1, max_size=6),
)
def test_extensions_keep_the_ratio_and_the_values_that_were_there(low, ratio, count, rounds):
    high = low * ratio ** (count - 1)
    grid = read_tuning(parse("{}", "f.yaml"), {"optimizer.lr": {"log": [low, high], "count": count}}).grids[0]
    first = grid
    for sides in rounds:
        after = grown(grid, sides, always)
        assert set(grid.values) <= set(after.values)
        assert list(after.values) == sorted(set(after.values))
        for side, before, now in (("smallest", grid.below, after.below), ("largest", grid.above, after.above)):
            assert now - before == (min(STEP, count - before) if side in sides else 0)
        grid = after
    assert grid.values[grid.below : grid.below + count] == first.values
    for one, other in zip(grid.values, grid.values[1:], strict=False):
        assert other / one == pytest.approx(ratio, rel=1e-4)
