"""No averaging: the weights are those of the last step."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.averager import Averager


@dataclass
class None_(Averager):
    """w_avg = w

    Reference: the neutral value against which every other averaging is compared.
    Suggested: as the baseline.
    """
