"""Where the runs of a command lie that takes many."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dltricks.experiment.datafiles import at_home

if TYPE_CHECKING:
    from dltricks.api.session import PathLike


def find_places(places: Sequence[PathLike], runs_dir: PathLike) -> list[Path]:
    """Folders and patterns for ``runs.index.scan``, from here or, where there is no such thing, below ``runs_dir``.

    The folder of all runs where none is named.
    """
    home = at_home(Path(runs_dir))
    return [_found(at_home(Path(place)), home) for place in places] or [home]


def _found(place: Path, home: Path) -> Path:
    # Names that hold what patterns are made of come before patterns, and what lies here before what lies there.
    candidates = (place, home / place)
    for candidate in candidates:
        if candidate.exists():
            return candidate
    return next((each for each in candidates if glob.glob(str(each))), place)  # noqa: PTH207
