from __future__ import annotations

import numpy as np
import pytest
from engine.small import digits, recipe

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.engine import batches
from dltricks.engine.batches import Gatherer, Pool, fit_scale
from dltricks.engine.split import split


def gatherer(datas: list[Data], scaling: str = "none") -> Gatherer:
    recipes = [recipe(seed, scaling=scaling) for seed in range(len(datas))]
    scale = fit_scale(recipes, datas, [split(r, d) for r, d in zip(recipes, datas, strict=True)])
    pool = Pool([d.x for d in datas], [d.y for d in datas])
    return Gatherer(pool, scale, len(datas[0].classes), np.dtype(np.float32))


def numbers(samples: int, first: float = 0.0) -> Data:
    """Samples that hold their own number."""
    x = np.arange(samples, dtype=np.float64)[:, None] + first
    return Data("classification", x, np.arange(samples) % 2, classes=["even", "odd"])


@pytest.mark.parametrize("chunk", [1, 7, 1 << 18])
def test_batches_are_cut_in_order_and_the_last_may_be_partial(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", chunk)
    made = gatherer([numbers(30)])
    index = np.random.default_rng(0).permutation(30)[None, :23]
    found = [(b.x.copy(), b.target.copy(), b.labels) for b in made.batches(index, 5)]
    assert [x.shape for x, *_ in found] == [(1, 5, 1)] * 4 + [(1, 3, 1)]
    assert np.concatenate([x[0, :, 0] for x, *_ in found]).tolist() == index[0].tolist()
    for x, target, labels in found:
        assert labels is not None
        assert (labels[0] == x[0, :, 0] % 2).all()
        assert (target[0] == np.eye(2)[labels[0]]).all()


@pytest.mark.parametrize("chunk", [1, 20, 1 << 18])
def test_batches_can_begin_anywhere(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", chunk)
    made, index = gatherer([numbers(30)]), np.arange(23)[None]
    whole = [b.x.copy() for b in made.batches(index, 5)]
    for first in range(5):
        part = [b.x.copy() for b in made.batches(index, 5, first)]
        assert len(part) == 5 - first
        assert all((a == b).all() for a, b in zip(part, whole[first:], strict=True))


def test_each_replica_has_its_own_data_order_and_scaling() -> None:
    datas = [numbers(30), numbers(30, 1000.0)]
    index = np.array([[3, 1, 2], [0, 5, 4]])
    raw = next(gatherer(datas).batches(index, 3)).x
    assert raw[:, :, 0].tolist() == [[3, 1, 2], [1000, 1005, 1004]]
    # The second replica's numbers are a thousand higher, and standardized by that much.
    same = np.array([[3, 1, 2], [3, 1, 2]])
    recipes = [recipe(scaling="standardize")] * 2
    parts = [split(r, d) for r, d in zip(recipes, datas, strict=True)]
    pool = Pool([d.x for d in datas], [d.y for d in datas])
    made = Gatherer(pool, fit_scale(recipes, datas, parts), 2, np.dtype(np.float32))
    scaled = next(made.batches(same, 3)).x
    np.testing.assert_allclose(scaled[0], scaled[1], rtol=1e-6)
    assert np.abs(scaled).max() < 2


def test_replicas_that_share_data_share_its_memory() -> None:
    data = numbers(30)
    pool = Pool([data.x, data.x], [data.y, data.y])
    assert pool.x is data.x
    assert pool.offsets.ravel().tolist() == [0, 0]


def test_scaling_knows_the_training_part_only() -> None:
    data = numbers(40)
    made = recipe(scaling="standardize")
    parts = split(made, data)
    shift, factor, fills = fit_scale([made], [data], [parts])
    assert fills is None
    train = data.x[parts.train]
    assert shift.shape == (1, 1, 1)
    assert shift.item() == pytest.approx(train.mean())
    assert 1 / factor.item() == pytest.approx(train.std())
    data.x[parts.val] = 1e6
    again = fit_scale([made], [data], [parts])
    assert (shift, factor, None) == again


def test_small_differences_of_large_numbers_survive_the_cast() -> None:
    data = numbers(40, first=1e10)
    x = next(gatherer([data], "standardize").batches(np.arange(40)[None], 40)).x
    assert x.dtype == np.float32
    assert len(np.unique(x)) == 40


def test_images_keep_their_axes() -> None:
    batch = next(gatherer([digits(50)], "unit").batches(np.arange(7)[None], 7))
    assert batch.x.shape == (1, 7, 8, 8, 1)
    assert (batch.x.min(), batch.x.max()) == (0.0, 1.0)


def with_gaps() -> Data:
    """Two columns, every third number of the first missing."""
    x = np.random.default_rng(0).normal(5.0, 2.0, (60, 2))
    x[::3, 0] = np.nan
    return Data("classification", x, np.arange(60) % 2, classes=["even", "odd"], features=["a", "b"], gaps=True)


@pytest.mark.parametrize("scaling", ["none", "unit", "symmetric", "standardize"])
def test_gaps_are_filled_with_means_of_each_replicas_training_part(scaling: str) -> None:
    data = with_gaps()
    recipes = [recipe(seed, scaling=scaling) for seed in range(2)]
    parts = [split(made, data) for made in recipes]
    pool = Pool([data.x, data.x], [data.y, data.y])
    made = Gatherer(pool, fit_scale(recipes, [data, data], parts), 2, np.dtype(np.float64))
    batch = next(made.batches(np.tile(np.arange(60), (2, 1)), 60)).x
    for k, part in enumerate(parts):
        mean = np.nanmean(data.x[part.train, 0])
        whole = data.x.copy()
        whole[::3, 0] = mean
        shift, factor = recipes[k].scaling.fit(whole, None, part.train)
        np.testing.assert_allclose(batch[k], (whole - shift) * factor, rtol=1e-12, atol=1e-12)
        alone = fit_scale(recipes[k : k + 1], [data], parts[k : k + 1])
        single = next(Gatherer(Pool([data.x], [data.y]), alone, 2, made.dtype).batches(np.arange(60)[None], 60)).x
        np.testing.assert_array_equal(batch[k], single[0])
    assert (batch[0, 0] != batch[1, 0]).any()


def test_gaps_know_the_training_part_only() -> None:
    data, made = with_gaps(), recipe(scaling="standardize")
    parts = split(made, data)
    before = fit_scale([made], [data], [parts])
    data.x[parts.val] = 1e6
    for old, new in zip(before, fit_scale([made], [data], [parts]), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_column_without_a_number_in_the_training_part_has_no_mean() -> None:
    data, made = with_gaps(), recipe()
    parts = split(made, data)
    data.x[parts.train, 0] = np.nan
    with pytest.raises(UsageError, match=r"^dataset: column 'a' has no number in the training part"):
        fit_scale([made], [data], [parts])
