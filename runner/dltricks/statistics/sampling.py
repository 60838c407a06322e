"""The error of a test set: what another draw of test samples would change, which no number of seeds shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.statistics.proportion import wilson


@dataclass(frozen=True)
class Sampling:
    """Standard error of an accuracy, and its interval."""

    se: float
    low: float
    high: float


def accuracy_error(accuracy: float, samples: int, confidence: float = 0.95) -> Sampling:
    """Binomial standard error sqrt(accuracy (1 - accuracy) / samples), and Wilson's interval.

    Assumes test samples drawn independently. All seeds share one test set, so the spread from seed to seed does not
    contain it: it stands beside that spread, for the accuracy that new data would see. The difference of two
    variants on the same test set has a smaller error than either accuracy, as most samples are right or wrong
    for both. Coverage of the interval: see ``proportion.wilson``.
    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953

    Args:
        accuracy: share of right answers, 0 to 1; the mean over seeds where there are several.
        samples: in the test set, 1 or more.
        confidence: of the interval.

    Raises:
        UsageError: an accuracy or number that is not possible.
    """
    if not 0 <= accuracy <= 1 or samples < 1:
        raise UsageError(f"an accuracy of {accuracy} on {samples} samples is not possible.")
    low, high = wilson(accuracy * samples, samples, confidence)
    return Sampling(float(np.sqrt(accuracy * (1 - accuracy) / samples)), float(low), float(high))
