"""Training and validation parts: disjoint, stratified by class, decided by the seed of purpose ``split`` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.engine.recipe import Recipe
from dltricks.engine.streams import Purpose, generator


@dataclass
class Split:
    """Sorted sample numbers of each part. ``on_test`` says that validation is measured on the test set."""

    train: Array
    val: Array
    on_test: bool = False


def split(recipe: Recipe, data: Data) -> Split:
    """Divides the samples of a data set as a recipe says.

    Raises:
        UsageError: no test set to validate on, an empty part, or a class without a training sample.
    """
    samples = len(data.x)
    rng = generator(recipe.seeds, Purpose.SPLIT)
    everything = np.arange(samples)
    labels = data.y if data.task == "classification" else np.zeros(samples, np.int64)
    if recipe.validation == "test":
        if data.test_x is None:
            raise UsageError(
                f"validation: test needs a data set with a test part, and {recipe.dataset.name()} has none; "
                "give a share, such as validation: 0.1"
            )
        train, val = everything, everything[:0]
    else:
        val = _stratified(rng, labels, everything, round(samples * recipe.validation))
        kept = np.ones(samples, bool)
        kept[val] = False
        train = np.flatnonzero(kept)
        if recipe.validation > 0 and len(val) == 0:
            raise UsageError(f"validation: {recipe.validation} of {samples} samples leaves none to validate on")
    if recipe.limit is not None:
        if recipe.limit > len(train):
            raise UsageError(f"limit: {recipe.limit} is more than the {len(train)} training samples")
        train = _stratified(rng, labels, train, recipe.limit)
    # What took the samples away is what messages are about.
    key = "limit" if recipe.limit is not None else "validation" if recipe.validation else "dataset"
    if data.task == "classification":
        missing = np.flatnonzero(np.bincount(labels[train], minlength=len(data.classes)) == 0).tolist()
        if missing:
            named = ", ".join(repr(data.classes[c]) for c in missing)
            raise UsageError(
                f"{key}: the training part has no sample of class {named}; "
                "lower validation, raise limit, or add samples"
            )
    if len(train) == 0:
        raise UsageError(f"{key}: the training part is empty; lower validation or raise limit")
    return Split(train, val, recipe.validation == "test")


def splits(recipes: Sequence[Recipe], datas: Sequence[Data]) -> list[Split]:
    """The parts of each of several runs; those that divide the same data in the same way share them.

    Raises:
        UsageError: as ``split``.
    """
    found: dict[tuple[object, ...], Split] = {}
    for recipe, data in zip(recipes, datas, strict=True):
        key = (id(data), recipe.seeds.split, recipe.validation, recipe.limit)
        if key not in found:
            found[key] = split(recipe, data)
    return [found[id(d), r.seeds.split, r.validation, r.limit] for r, d in zip(recipes, datas, strict=True)]


def _stratified(rng: np.random.Generator, labels: Array, among: Array, amount: int) -> Array:
    """``amount`` of the given samples, each class in proportion (largest remainders first), sorted."""
    classes, counts = np.unique(labels[among], return_counts=True)
    exact = counts * (amount / max(1, len(among)))
    shares = np.floor(exact).astype(np.int64)
    rest = amount - int(shares.sum())
    shares[np.argsort(shares - exact, kind="stable")[:rest]] += 1
    chosen = [
        rng.permutation(among[labels[among] == label])[:share] for label, share in zip(classes, shares, strict=True)
    ]
    return np.sort(np.concatenate(chosen)) if chosen else among[:0]
