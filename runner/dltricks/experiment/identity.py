"""What decides the result of a run, and its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from dltricks.core.registry import Plugin
from dltricks.engine.recipe import Seeds

PURPOSES = tuple(field.name for field in fields(Seeds))
"""What has a seed of its own."""
NOT_IDENTITY = ("name", "expect", "checkpoint_seconds", "plugins")
"""Keys that decide nothing; of plugins the code counts, not where it lies."""


def written(seeds: Seeds) -> int | dict[str, int]:
    """Seeds as in config.yaml: one number where that says it all."""
    each = {name: getattr(seeds, name) for name in PURPOSES}
    return seeds.init if len(set(each.values())) == 1 else each


def decisive(config: dict[str, Any], contents: dict[str, str]) -> dict[str, Any]:
    """The content counts, not where it lies: a file that was moved is the same experiment."""
    decides = {key: value for key, value in config.items() if key not in NOT_IDENTITY}
    if isinstance(decides.get("dataset"), dict):  # else it is not ours, and differs from what is
        decides["dataset"] = {**decides["dataset"], **contents}
    return decides


def digest(config: dict[str, Any], files: dict[str, str], contents: dict[str, str], plugins: Sequence[Plugin]) -> str:
    """The hash of a run: SHA-256 of what decides its result."""
    identity = {
        "config": decisive(config, contents),
        "files": list(files.values()),
        "plugins": sorted([plugin.kind, plugin.name, plugin.sha256] for plugin in plugins),
    }
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
