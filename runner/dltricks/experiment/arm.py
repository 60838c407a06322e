"""An arm of a study: one of the things that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dltricks.experiment.overrides import Override


@dataclass(frozen=True)
class Arm:
    """What is compared: the experiment with some values changed."""

    label: str
    """Unique within the study, for people and tables: ``dropout=0.2,optimizer.lr=0.01``; empty for an only arm."""
    varied: dict[str, Any]
    """The values that tell it from the others, by key, as written; of variants the name, under ``variant``."""
    changes: tuple[Override, ...]
    """Laid over the study's document."""


def tuned_label(label: str) -> str:
    """What an arm is called at its best point."""
    return f"{label} tuned".strip()
