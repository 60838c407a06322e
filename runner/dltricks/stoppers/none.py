"""No early stopping: training runs for all its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltricks.core.stopper import Stopper


@dataclass
class None_(Stopper):
    """never stops

    Reference: the neutral value against which every other stopping rule is compared.
    Suggested: as the baseline, and where the schedule has its own end.
    """

    def stop(self, history: Sequence[Mapping[str, Any]], metric: str) -> bool:
        return False
