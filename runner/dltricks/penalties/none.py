"""No penalty."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.penalty import Penalty


@dataclass
class None_(Penalty):
    """L_total = L

    Reference: the neutral value against which every other penalty is compared.
    Suggested: as the baseline.
    """
