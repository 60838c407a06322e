"""The replica law: a run's bits are the same alone and in any stack, over all tricks and all their numeric fields."""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from architectures.chain import small
from engine.small import digits, recipe, run, same, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltricks.core import registry
from dltricks.core.architecture import Architecture
from dltricks.core.component import numeric_fields
from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.core.parallel import pool
from dltricks.core.registry import KINDS
from dltricks.engine.recipe import Recipe, Seeds
from dltricks.engine.trainer import Trainer

DRAWN = [kind for kind in KINDS if kind not in {"dataset", "scaling", "architecture"}]
REPLICAS = 3
SHAPED: dict[tuple[str, str], dict[str, Any]] = {
    ("normalization", "group"): {"groups": 10},
    ("averaging", "swa"): {"start": 1},
    ("schedule", "plateau"): {"patience": 1},
    ("early_stopping", "early_stopping"): {"patience": 1},
}
"""Whole numbers that two epochs of a small network need to be other than by default; they never differ in a stack."""
IMAGES = [
    {"name": "cnn", "blocks": ["3x3x20 same", "pool", "3x3x10"], "hidden": [20]},
    {"name": "resnet", "depth": 8, "width": 10, "stochastic_depth": 0.2},
]
HIDDEN = {"name": "mlp", "hidden": [80, 80]}
PARAMETERS = 64 * 80 + 80 * 80 + 80 * 10
assert PARAMETERS > 8192, "beyond the buffer at which numpy's sums change their order"


def bounds(cls: type[Any], field: str) -> tuple[float, float]:
    """A moderate range around a field's default, within its declared bounds."""
    default = next(f.default for f in dataclasses.fields(cls) if f.name == field)
    hint = get_type_hints(cls, include_extras=True)[field]
    limits: dict[str, float] = {}
    for rule in get_args(hint)[1:]:
        limits |= dataclasses.asdict(rule)
    low, high = sorted((default / 4, default * 4)) if default else (0.0, 0.5)
    if "ge" in limits:
        low = max(low, limits["ge"])
    if "gt" in limits and low <= limits["gt"]:
        low = (default + limits["gt"]) / 2 if default > limits["gt"] else limits["gt"] + 1e-3
    if "le" in limits:
        high = min(high, limits["le"])
    if "lt" in limits and high >= limits["lt"]:
        high = (default + limits["lt"]) / 2
    return float(low), float(high)


def choices(cls: type[Any]) -> list[dict[str, Any]]:
    """Every combination of a component's switches and named options."""
    options: dict[str, list[Any]] = {}
    for name, hint in get_type_hints(cls).items():
        if name in {f.name for f in dataclasses.fields(cls)}:
            if hint is bool:
                options[name] = [False, True]
            elif get_origin(hint) is Literal:
                options[name] = list(get_args(hint))
    return [dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())]


@cache
def data(task: str) -> Data:
    if task == "classification":
        return digits(60)
    if task == "images":
        made = digits(60)
        made.x = np.pad(made.x, ((0, 0), (2, 2), (2, 2), (0, 0)))
        return made
    return table(60, features=64)


def refusal(recipes: list[Recipe], shared: Data) -> str | None:
    """Why these recipes cannot be trained as one stack; None if they can."""
    try:
        Trainer(recipes, [shared] * len(recipes))
    except (UsageError, ValueError) as refused:
        return str(refused)
    return None


def stacked_and_alone(recipes: list[Recipe], shared: Data | None = None) -> str | None:
    """Trains recipes as one stack and each alone; fails unless all is the same.

    Returns why they are refused, if they are, which must be so for one of them alone as well.
    """
    loss = recipes[0].loss
    shared = shared or data("classification" if "classification" in loss.tasks else loss.tasks[0])
    refused = refusal(recipes, shared)
    if refused is not None:
        assert any(refusal([each], shared) for each in recipes), f"refused as a stack only: {refused}"
        return refused
    for each, outcome in zip(recipes, run(*recipes, data=shared), strict=True):
        same(run(each, data=shared)[0], outcome)
    return None


def recipes_of(
    chosen: dict[str, list[tuple[str, dict[str, Any]]]], number: Callable[[float, float], float], architecture: Any
) -> list[Recipe]:
    """Recipes of the same tricks and options, each with its own seeds and numbers."""

    def part(kind: str, name: str, fixed: dict[str, Any]) -> Any:
        cls = registry.load(kind, name)
        numbers = {field: number(*bounds(cls, field)) for field in numeric_fields(cls)}
        return cls(**SHAPED.get((kind, name), {}), **fixed, **numbers)

    made = []
    for k in range(REPLICAS):
        parts = {kind: tuple(part(kind, *each) for each in several) for kind, several in chosen.items()}
        single = {kind: several[0] for kind, several in parts.items() if not KINDS[kind].many}
        lists = {kind: several for kind, several in parts.items() if KINDS[kind].many}
        seeds = Seeds(init=k, order=10 + k, dropout=20 + k, split=30 + k, augment=40 + k)
        alone = recipe(seeds=seeds, batch_size=16, **{"architecture": architecture, **single})
        made.append(dataclasses.replace(alone, **lists))
    return made


SELECTED = [(kind, name) for kind in DRAWN for name in registry.names(kind)]
FORMS = [form for name in registry.names("architecture") for form in small(name)]


@pytest.mark.parametrize(("kind", "name"), SELECTED, ids=["-".join(each) for each in SELECTED])
def test_every_trick_keeps_the_law_in_all_its_numbers(kind: str, name: str) -> None:
    rng = np.random.default_rng(zlib.crc32(f"{kind} {name}".encode()))
    for options in choices(registry.load(kind, name)):
        recipes = recipes_of({kind: [(name, options)]}, rng.uniform, HIDDEN)
        if numeric_fields(registry.load(kind, name)):
            assert getattr(recipes[0], kind) != getattr(recipes[1], kind)
        refused = stacked_and_alone(recipes)
        if refused:
            pytest.skip(refused)


def numbered(form: Architecture, number: Callable[[float, float], float]) -> Architecture:
    """The same architecture with other numbers where it has any."""
    cls = type(form)
    # Without skips no block can be left out.
    fields = [field for field in numeric_fields(cls) if field != "stochastic_depth" or getattr(form, "skip", True)]
    return dataclasses.replace(form, **{field: number(*bounds(cls, field)) for field in fields})


@pytest.mark.parametrize("dropout", ["dropout", "spatial"])
@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_every_architecture_keeps_the_law_in_all_its_numbers(form: Architecture, dropout: str) -> None:
    rng = np.random.default_rng(7)
    recipes = []
    for k in range(REPLICAS):
        parts: dict[str, Any] = {"architecture": numbered(form, rng.uniform)}
        if form.hidden_layers:
            rate = float(rng.uniform(0.1, 0.5))
            parts |= {"normalization": "batch", "dropout": {"name": dropout, "rate": rate}}
        recipes.append(recipe(k, batch_size=16, **parts))
    assert stacked_and_alone(recipes, data("images")) is None


def test_a_replica_that_leaves_no_block_out_does_not_notice_its_neighbour() -> None:
    recipes = [
        recipe(
            monitor="layers",
            architecture={"name": "resnet", "depth": 8, "width": 4, "stochastic_depth": rate},
            dropout="dropout",
        )
        for rate in (0.0, 0.5)
    ]
    assert stacked_and_alone(recipes) is None


@pytest.mark.parametrize("name", registry.names("architecture"))
def test_threads_change_no_bit(name: str) -> None:
    parts = {"architecture": name}
    if registry.load("architecture", name).hidden_layers:
        parts |= {"normalization": "batch", "dropout": "dropout"}
    large = digits(100)
    large.x = np.kron(large.x, np.ones((1, 2, 2, 1), large.x.dtype))
    before, outcomes = pool.threads, []
    try:
        for threads in (1, 2, 3):
            pool.resize(threads)
            outcomes.append(run(recipe(epochs=1, batch_size=64, **parts), data=large)[0])
    finally:
        pool.resize(before)
    for other in outcomes[1:]:
        same(outcomes[0], other)


@pytest.mark.parametrize("loss", registry.names("loss"))
def test_every_task_of_every_loss_keeps_the_law(loss: str) -> None:
    for task in registry.load("loss", loss).tasks:
        recipes = [recipe(seed, loss=loss, architecture=HIDDEN) for seed in range(REPLICAS)]
        for each, outcome in zip(recipes, run(*recipes, data=data(task)), strict=True):
            same(run(each, data=data(task))[0], outcome)


@st.composite
def combinations(draw: st.DrawFn) -> list[Recipe]:
    chosen = {}
    for kind in DRAWN:
        least, most = (0, 2) if KINDS[kind].many else (1, 1)
        several = draw(st.lists(st.sampled_from(registry.names(kind)), min_size=least, max_size=most), label=kind)
        chosen[kind] = [(name, draw(st.sampled_from(choices(registry.load(kind, name))))) for name in several]

    def number(low: float, high: float) -> float:
        # Values at which arithmetic takes shortcuts, and any others.
        special = [value for value in (0.0, 0.5, 1.0, 2.0) if low <= value <= high]
        return draw(st.sampled_from([low, high, *special]) | st.floats(low, high))

    return recipes_of(chosen, number, draw(st.sampled_from([HIDDEN, *IMAGES]), label="architecture"))


@settings(
    max_examples=80,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(combinations())
def test_any_combination_keeps_the_law(recipes: list[Recipe]) -> None:
    stacked_and_alone(recipes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_law_holds_in_larger_stacks_and_in_any_order(dtype: Any) -> None:
    rates = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0]
    recipes = [
        recipe(seed, optimizer={"name": "adam", "lr": lr}, clipping={"name": "norm", "threshold": 0.5}, dtype=dtype)
        for seed, lr in enumerate(rates)
    ]
    forwards = run(*recipes, data=data("classification"))
    backwards = run(*reversed(recipes), data=data("classification"))
    for each, there, back in zip(recipes, forwards, reversed(backwards), strict=True):
        same(there, back)
        same(run(each, data=data("classification"))[0], there)
