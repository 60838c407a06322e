"""Numbers that a file can hold and the arithmetic of training cannot: refused before the first step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.core.types import Array
from dltricks.engine.batches import Gatherer


def refuse_overflow(datas: Sequence[Data], gatherer: Gatherer) -> None:
    """Refuses finite inputs and targets that scaling or the dtype of training makes infinite.

    Args:
        datas: each replica's data.
        gatherer: of their training parts; it knows the scaling.

    Raises:
        UsageError: the message names the first such column and value.
    """
    largest = float(np.finfo(gatherer.dtype).max)
    extremes: dict[int, Array] = {}
    for k, data in enumerate(datas):
        # Each replica's own scaling, but of shared data the same smallest and largest values.
        for part, x, y in (("", data.x, data.y), ("the test part's ", data.test_x, data.test_y)):
            if x is None or y is None:
                continue
            if x.dtype.kind == "f":
                if id(x) not in extremes:  # gaps, which are NaN, are no extremes
                    extremes[id(x)] = np.stack([np.fmin.reduce(x, 0), np.fmax.reduce(x, 0)]).astype(np.float64)
                found = extremes[id(x)]
                scaled = (found - gatherer.shift[k]) * gatherer.factor[k]
                _refuse(found, scaled, largest, f"{part}inputs", data.features, gatherer.dtype)
            if data.task == "regression":
                _refuse(y, y, largest, f"{part}targets", data.targets, gatherer.dtype)


def _refuse(
    found: Array, used: Array, largest: float, what: str, names: Sequence[str], dtype: np.dtype[np.generic]
) -> None:
    bad = np.argwhere(np.isfinite(found) & ~(np.abs(used) <= largest))
    if len(bad):
        place = tuple(bad[0])
        column = f" in column {names[place[1]]!r}" if names else ""
        wider = ", or write dtype: float64" if dtype == np.float32 and what.endswith("targets") else ""
        raise UsageError(
            f"dataset: {what} hold {found[place]:g}{column}, which is too large to compute with in {dtype}; "
            f"give the values in a larger unit{wider}"
        )
