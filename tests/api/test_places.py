from __future__ import annotations

from pathlib import Path

import pytest

from dltricks.api.places import find_places


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ([], ["below"]),
        (["here"], ["here"]),
        (["study"], ["below/study"]),
        (["both"], ["both"]),
        (["st*"], ["below/st*"]),
        (["h*", "study"], ["h*", "below/study"]),
        (["odd[1]"], ["below/odd[1]"]),
        (["nowhere"], ["nowhere"]),
    ],
)
def test_from_here_or_below_the_folder_of_runs(folder: Path, places: list[str], found: list[str]) -> None:
    for name in ("here", "both", "below/study", "below/both", "below/odd[1]"):
        (folder / name).mkdir(parents=True)
    assert find_places(places, "below") == [Path(each) for each in found]
