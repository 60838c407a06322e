"""A trick: a plain dataclass whose fields are its hyperparameters, and stacks of them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

import numpy as np

C = TypeVar("C", bound="Component")


class Component:
    """Base of every trick. A subclass is a dataclass in a file that bears the name used in YAML."""

    kind: ClassVar[str]
    """The key of the experiment file, such as ``optimizer``."""

    # Every subclass is a dataclass; its decorator fills this in.
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    # Read by pydantic from outside: unknown fields are refused and nothing is converted.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    @classmethod
    def name(cls) -> str:
        """The name in YAML, which is the name of the file."""
        return cls.__module__.rpartition(".")[2]

    def fresh(self) -> Self:
        """A copy to work with; the original stays a description."""
        return copy.copy(self)


def numeric_fields(cls: type[Component]) -> tuple[str, ...]:
    """Names of the fields declared as float: those in which stacked replicas may differ."""
    if cls not in _numeric:
        hints = get_type_hints(cls)
        _numeric[cls] = tuple(f.name for f in dataclasses.fields(cls) if hints[f.name] is float)
    return _numeric[cls]


_numeric: dict[type[Component], tuple[str, ...]] = {}
"""To evaluate the hints of a network's parts takes as long as to draw its weights. Not ``functools.cache``, whose
arguments must be hashable: type checkers say of a class with ``__hash__`` for its instances that it is not."""


def stack(components: Sequence[C], ndim: int = 1) -> C:
    """One component for K replicas: each float field becomes a float64 array (K, 1, ...) of ``ndim`` axes.

    Fields of any other type must agree; a difference there calls for another stack.

    Raises:
        ValueError: components of different classes, or different in a field that is not numeric.
    """
    first = components[0]
    numeric = numeric_fields(type(first))
    stacked = copy.copy(first)
    for other in components[1:]:
        if type(other) is not type(first):
            raise ValueError(f"cannot stack {other.name()} on {first.name()}")
    for field in dataclasses.fields(first):
        values: list[Any] = [getattr(c, field.name) for c in components]
        if field.name in numeric:
            column = np.array(values, np.float64).reshape((-1,) + (1,) * (ndim - 1))
            setattr(stacked, field.name, column)
        elif any(value != values[0] for value in values):
            raise ValueError(f"cannot stack {first.name()}: {field.name} differs: {values}")
    return stacked
