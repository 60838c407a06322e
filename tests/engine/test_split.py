from __future__ import annotations

import numpy as np
import pytest
from engine.small import digits, recipe, table

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.engine.recipe import Seeds
from dltricks.engine.split import split


def classes(*counts: int) -> Data:
    """Samples of as many classes, shuffled."""
    y = np.repeat(np.arange(len(counts)), counts)
    y = np.random.default_rng(0).permutation(y).astype(np.int64)
    return Data(
        "classification", np.arange(len(y), dtype=float)[:, None], y, classes=[f"c{i}" for i in range(len(counts))]
    )


def test_parts_are_disjoint_complete_and_sorted() -> None:
    data = digits(200)
    found = split(recipe(validation=0.2), data)
    assert len(found.val) == 40
    assert sorted([*found.train, *found.val]) == list(range(200))
    for part in (found.train, found.val):
        assert (np.diff(part) > 0).all()


def test_every_class_has_its_share() -> None:
    data = classes(100, 40, 20)
    found = split(recipe(validation=0.25), data)
    assert np.bincount(data.y[found.val]).tolist() == [25, 10, 5]


def test_limit_takes_each_class_in_proportion_from_the_training_part() -> None:
    data = classes(100, 40, 20)
    found = split(recipe(validation=0.25, limit=12), data)
    whole = split(recipe(validation=0.25), data)
    assert np.bincount(data.y[found.train]).tolist() in ([7, 3, 2], [8, 3, 1])
    assert len(found.train) == 12
    assert set(found.train) <= set(whole.train)
    assert (found.val == whole.val).all()


def test_it_depends_on_the_seed_of_split_alone() -> None:
    data = digits(200)
    first = split(recipe(seed=1), data)
    again = split(recipe(seeds=Seeds(init=5, order=6, split=1)), data)
    other = split(recipe(seed=2), data)
    assert (first.val == again.val).all()
    assert (first.val != other.val).any()


def test_validation_on_the_test_part() -> None:
    data = digits(50)
    data.test_x, data.test_y = data.x[:10], data.y[:10]
    found = split(recipe(validation="test"), data)
    assert found.on_test
    assert found.train.tolist() == list(range(50))
    assert not len(found.val)


def test_no_validation() -> None:
    found = split(recipe(validation=0.0), digits(50))
    assert (len(found.train), len(found.val), found.on_test) == (50, 0, False)


def test_regression_is_split_too() -> None:
    found = split(recipe(validation=0.25), table(80))
    assert (len(found.train), len(found.val)) == (60, 20)


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (classes(10, 10), {"validation": "test"}, "digits has none; give a share"),
        (classes(10, 10), {"validation": 0.01}, "leaves none to validate on"),
        (classes(10, 10), {"validation": 0.5, "limit": 11}, "limit: 11 is more than the 10 training samples"),
        (classes(10, 10, 0), {"validation": 0.1}, "validation: .* no sample of class 'c2'"),
        (classes(10, 10, 0), {"validation": 0.0}, "dataset: .* no sample of class 'c2'"),
        (classes(50, 1), {"limit": 5}, "limit: .* no sample of class 'c1'"),
    ],
)
def test_what_cannot_be_split_is_refused_in_a_sentence(data: Data, changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split(recipe(**changes), data)
