from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from dltricks.core.component import Component, numeric_fields, stack
from dltricks.core.types import Positive, Size


@dataclass
class Trick(Component):
    rate: Positive = 0.5
    plain: float = 1.0
    width: Size = 3
    name_of: str = "a"
    many: list[Positive] = field(default_factory=lambda: [1.0])


@dataclass
class Other(Component):
    rate: float = 0.5


def test_numeric_fields_are_the_floats() -> None:
    assert numeric_fields(Trick) == ("rate", "plain")


def test_floats_become_wide_columns() -> None:
    stacked = stack([Trick(0.1), Trick(0.2, 7)], ndim=3)
    for found, expected in ((stacked.rate, [0.1, 0.2]), (stacked.plain, [1.0, 7.0])):
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.float64
        assert found.shape == (2, 1, 1)
        assert found.ravel().tolist() == expected
    assert (stacked.width, stacked.many) == (3, [1.0])


def test_the_originals_stay_descriptions() -> None:
    original = Trick(0.1)
    stack([original, Trick(0.2)])
    assert original == Trick(0.1)


@pytest.mark.parametrize("changed", [{"width": 4}, {"name_of": "b"}, {"many": [2.0]}])
def test_other_fields_must_agree(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(changed))):
        stack([Trick(), Trick(**changed)])


def test_other_classes_do_not_stack() -> None:
    with pytest.raises(ValueError, match="cannot stack"):
        stack([Trick(), Other()])
