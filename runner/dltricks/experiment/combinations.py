"""Combinations of tricks that make no sense together and can be refused before any data are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

import numpy as np

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.core.extras import require_numba
from dltricks.core.types import Positive
from dltricks.engine.recipe import Recipe
from dltricks.experiment.document import Where
from dltricks.experiment.settings import METRICS


def check_combination(recipe: Recipe) -> Iterator[tuple[Where, str]]:
    """Every misfit as the key that it is reported under, and a sentence with what to write instead."""
    task = recipe.dataset.task
    if task not in recipe.loss.tasks:
        fitting = [name for name in registry.names("loss") if task in registry.load("loss", name).tasks]
        yield (
            ("loss",),
            f"{recipe.loss.name()} is a loss for {' and '.join(recipe.loss.tasks)}, "
            f"but the data set {recipe.dataset.name()} is {_WITH_ARTICLE[task]}; "
            f"write {' or '.join(fitting)}",
        )
    if recipe.normalization.name() == "batch" and recipe.batch_size == 1:
        yield (
            ("batch_size",),
            "batch normalization compares the samples of a batch, and a batch of one has nothing to compare; "
            "write batch_size: 2 or more, or normalization: layer",
        )
    if recipe.kernels == "compiled":
        try:
            require_numba()
        except UsageError as error:
            yield ("kernels",), str(error)
    yield from _vanishing(recipe)
    yield from _without_effect(recipe)
    for key in ("schedule", "averaging"):
        try:
            getattr(recipe, key).check(recipe.epochs)
        except UsageError as error:
            yield (key,), str(error)
    for key in ("early_stopping", "schedule"):
        metric = getattr(getattr(recipe, key), "monitor", None)
        problem = _watching_problem(recipe, metric) if isinstance(metric, str) else None
        if problem:
            yield (key, "monitor"), problem


def _vanishing(recipe: Recipe) -> Iterator[tuple[Where, str]]:
    """Numbers that must not be 0 and become 0 where they are computed with."""
    dtype = np.dtype(recipe.dtype)
    for key in registry.KINDS:
        chosen = getattr(recipe, key)
        many = isinstance(chosen, tuple)
        for i, component in enumerate(chosen if many else [chosen]):
            cls: Any = type(component)
            for name in _positive(cls):
                value = getattr(component, name)
                if value < 1 and dtype.type(value) == 0:
                    wider = ", or dtype: float64" if recipe.dtype == "float32" else ""
                    yield (
                        (key, i, name) if many else (key, name),
                        f"{value} becomes 0 in {recipe.dtype}; write {np.finfo(dtype).tiny:.2g} or more{wider}",
                    )


@cache
def _positive(cls: Any) -> tuple[str, ...]:
    hints = get_type_hints(cls, include_extras=True)
    return tuple(field.name for field in fields(cls) if hints[field.name] == Positive)


def _without_effect(recipe: Recipe) -> Iterator[tuple[Where, str]]:
    """Tricks that others undo whatever their numbers, so that a comparison would be of a run with itself."""
    if recipe.normalization.name() == "weight" and recipe.penalty.name() == "max_norm":
        yield (
            ("penalty",),
            "max_norm bounds the length of each unit's weights, which weight normalization learns as a gain of its "
            "own that no penalty touches; write penalty: none, or normalization: none",
        )
    optimizer, clipping = recipe.optimizer.name(), recipe.clipping.name()
    if clipping != "none" and optimizer == "rprop":
        yield (
            ("clipping",),
            f"rprop looks at the signs of the gradient alone, and {clipping} changes none; "
            "write clipping: none, or another optimizer",
        )
    if clipping in ("norm", "unit") and optimizer == "normalized":
        yield (
            ("clipping",),
            f"normalized divides the gradient by its length, so that {clipping} has changed nothing; "
            "write clipping: none, clipping: {name: value}, or another optimizer",
        )


def expect_problem(recipe: Recipe, metric: str) -> str | None:
    """Why a run of this recipe will never have the metric, or None if it may."""
    part, _, measure = metric.partition("_")
    if measure in _OF_THE_OTHER and recipe.dataset.task == _OF_THE_OTHER[measure]:
        other = "rmse" if measure == "accuracy" else "accuracy"
        return (
            f"{metric} is not measured, because the data set {recipe.dataset.name()} is "
            f"{_WITH_ARTICLE[recipe.dataset.task]}; write {part}_{other} or {part}_loss"
        )
    if part == "val" and recipe.validation == 0:
        return f"{metric} is not measured with validation: 0; write validation: 0.1, or train_{measure}"
    return None


_WITH_ARTICLE = {"classification": "a classification problem", "regression": "a regression problem"}
_OF_THE_OTHER = {"accuracy": "regression", "rmse": "classification"}
"""The task in which a measure does not exist."""


def _watching_problem(recipe: Recipe, metric: str) -> str | None:
    every_epoch = [name for name in METRICS if not name.startswith("test_")]
    if metric.startswith("test_") and metric in METRICS:
        return (
            f"{metric} is measured once, after training, and cannot be watched; "
            f"write val_{metric.removeprefix('test_')}"
        )
    if metric not in every_epoch:
        return registry.unknown("metric", metric, every_epoch)
    return expect_problem(recipe, metric)
