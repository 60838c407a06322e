"""No dropout."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.dropout import Dropout


@dataclass
class None_(Dropout):
    """y = x

    Reference: the neutral value against which every other dropout is compared.
    Suggested: where the training loss is still high, and as the baseline.
    """

    absent = True
