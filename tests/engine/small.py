"""Small runs for tests: the digits, any tricks by name, a few steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dltricks.core.clipper import Clipper
from dltricks.core.component import Component, stack
from dltricks.core.dataset import Data
from dltricks.core.numeric import norms
from dltricks.core.registry import KINDS, load
from dltricks.core.store import Parameter, Role, Store
from dltricks.engine.hooks import Hook
from dltricks.engine.loop import train
from dltricks.engine.recipe import Recipe, Seeds
from dltricks.engine.trainer import Outcome, Trainer


def part(kind: str, value: Any) -> Any:
    """A component from its name, from a mapping with ``name``, or as it is."""
    if isinstance(value, Mapping):
        return load(kind, value["name"])(**{field: v for field, v in value.items() if field != "name"})
    return value if isinstance(value, Component) else load(kind, value)()


def recipe(seed: int = 0, **changes: Any) -> Recipe:
    """Adam on a 64-16-10 network for two epochs, except for what is changed."""
    settings: dict[str, Any] = {"epochs": 2, "architecture": {"name": "mlp", "hidden": [16]}, **changes}
    if not part("architecture", settings["architecture"]).hidden_layers:
        settings.setdefault("activation", "identity")
    for key, kind in KINDS.items():
        if kind.many:
            settings[key] = tuple(part(key, value) for value in settings.get(key, ()))
        else:
            settings[key] = part(key, settings.get(key, kind.default))
    return Recipe(**{"seeds": Seeds.all(seed), **settings})


def digits(samples: int = 200) -> Data:
    """The first digits of the embedded data set."""
    data: Data = load("dataset", "digits")().load(None, 0)
    data.x, data.y = data.x[:samples], data.y[:samples]
    return data


def table(samples: int = 80, features: int = 5, seed: int = 0) -> Data:
    """A noisy linear regression."""
    rng = np.random.default_rng(seed)
    x = rng.normal(3.0, 2.0, (samples, features))
    y = x @ rng.normal(size=(features, 1)) + 0.1 * rng.normal(size=(samples, 1))
    return Data("regression", x, y, targets=["y"])


def run(*recipes: Recipe, data: Data | None = None, hooks: tuple[Hook, ...] = ()) -> list[Outcome]:
    """Trains recipes as one stack."""
    shared = digits() if data is None else data
    outcomes = train(Trainer(recipes, [shared] * len(recipes)), hooks)
    assert all(outcome is not None for outcome in outcomes)
    return outcomes


def same(a: Outcome, b: Outcome) -> None:
    """Fails unless two outcomes agree in every bit."""
    assert a.history == b.history
    assert (a.status, a.best, a.test, a.failure) == (b.status, b.best, b.test, b.failure)
    assert list(a.weights) == list(b.weights)
    for path, array in a.weights.items():
        assert array.dtype == b.weights[path].dtype
        assert array.tobytes() == b.weights[path].tobytes(), path


def store(*parameters: tuple[str, tuple[int, ...], Role], replicas: int = 1, dtype: str = "float64") -> Store:
    """A store with standard normal parameters and gradients that are three times as large."""
    made = Store([Parameter(*p) for p in parameters], replicas, np.dtype(dtype))
    rng = np.random.default_rng(0)
    made.p[...] = rng.normal(size=made.p.shape)
    made.g[...] = 3 * rng.normal(size=made.g.shape)
    return made


def clip(made: Store, *clippers: Clipper) -> np.ndarray | None:
    """Clips a store's gradient as a stack does, with one clipper for each replica."""
    clipper = stack(clippers, ndim=2)
    clipper.setup(made)
    clipped: np.ndarray | None = clipper.clip(made, norms(made.g))
    return clipped
