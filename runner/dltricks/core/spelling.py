"""Values as short text, for names of runs and for tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def spell(value: Any) -> str:
    """A value of an experiment file in a few characters: ``sgd+lr=0.1`` for ``{name: sgd, lr: 0.1}``."""
    if isinstance(value, Mapping):
        return "+".join(spell(item) if key == "name" else f"{key}={spell(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "+".join(map(spell, value))
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
