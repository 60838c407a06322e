from __future__ import annotations

from dataclasses import asdict

from dltricks.engine.recipe import Seeds
from dltricks.engine.streams import Purpose


def test_one_seed_for_all_purposes() -> None:
    assert set(asdict(Seeds.all(7)).values()) == {7}
    assert list(asdict(Seeds())) == [purpose.name.lower() for purpose in Purpose if purpose is not Purpose.SEARCH]
