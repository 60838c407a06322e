from __future__ import annotations

import numpy as np
import pytest
from engine.small import recipe, run, table

from dltricks.core.errors import UsageError
from dltricks.engine.trainer import Trainer


def test_inputs_beyond_the_dtype_are_refused_and_scaled_ones_are_not() -> None:
    data = table(40)
    data.x[3, 2] = 1e300
    data.features = ["a", "b", "c", "d", "e"]
    with pytest.raises(UsageError, match=r"^dataset: inputs hold 1e\+300 in column 'c', .* in float32"):
        Trainer([recipe(loss="mse", scaling="none")], [data])
    assert run(recipe(loss="mse", scaling="unit"), data=data)[0].status == "finished"
    assert Trainer([recipe(loss="mse", scaling="none", dtype="float64")], [data])


@pytest.mark.parametrize("scaling", ["unit", "symmetric", "standardize"])
def test_a_width_that_overflows_is_refused(scaling: str) -> None:
    data = table(40)
    data.x[::2, 0], data.x[1::2, 0] = 1.7e308, -1.7e308
    with pytest.raises(UsageError, match="inputs hold"):
        Trainer([recipe(loss="mse", scaling=scaling, dtype="float64")], [data])


def test_targets_and_test_parts_are_looked_at() -> None:
    data = table(40)
    data.y[5] = -1e39
    with pytest.raises(UsageError, match=r"dataset: targets hold -1e\+39 in column 'y', .*write dtype: float64"):
        Trainer([recipe(loss="mse")], [data])
    data = table(40)
    data.test_x, data.test_y = data.x * 1e300, data.y
    with pytest.raises(UsageError, match="the test part's inputs"):
        Trainer([recipe(loss="mse")], [data])


def test_one_replica_of_several_is_enough() -> None:
    large = table(40)
    large.x = large.x.astype(np.float64) * 1e300
    with pytest.raises(UsageError, match="inputs hold"):
        Trainer([recipe(loss="mse", scaling="none")] * 2, [table(40), large])


def test_gaps_hide_no_number_that_is_too_large() -> None:
    data = table(40)
    data.features, data.gaps = ["a", "b", "c", "d", "e"], True
    data.x[0, 2], data.x[3, 2] = np.nan, 1e300
    with pytest.raises(UsageError, match=r"^dataset: inputs hold 1e\+300 in column 'c'"):
        Trainer([recipe(loss="mse", scaling="none")], [data])
    data.x[3, 2] = 1.0
    assert run(recipe(loss="mse"), data=data)[0].status == "finished"
