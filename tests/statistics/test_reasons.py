"""How numbers are said in the sentences of a verdict."""

from __future__ import annotations

import pytest

from dltricks.statistics.reasons import percent


@pytest.mark.parametrize(
    ("confidence", "text"),
    [
        (0.95, "95"),
        (1 - 0.05 / 3, "98.33"),
        (0.9999, "99.99"),
        (1 - 5e-5, "more than 99.99"),
        (1 - 1e-20, "more than 99.99"),
    ],
)
def test_no_confidence_is_rounded_to_certainty(confidence: float, text: str) -> None:
    assert percent(confidence) == text
