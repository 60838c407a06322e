"""No normalization."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.normalization import Normalization


@dataclass
class None_(Normalization):
    """y = x

    Reference: the neutral value against which every other normalization is compared.
    Suggested: shallow networks, and as the baseline.
    """

    absent = True
