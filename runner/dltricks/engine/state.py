"""The state of one replica between two steps: everything that training needs to go on bit for bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dltricks.core.types import Array


@dataclass
class State:
    """Named arrays, and what fits into JSON. Restoring it and going on equals never having stopped."""

    arrays: dict[str, Array] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
