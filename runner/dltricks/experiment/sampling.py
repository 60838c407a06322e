"""Points of a search space: independent, or spread evenly by a Halton sequence."""

from __future__ import annotations

import inspect

import numpy as np

from dltricks.engine.streams import Purpose, bits

METHODS = ("halton", "random")


def draw(method: str, count: int, dimensions: int, seed: int) -> list[list[float]]:
    """So many points of the unit cube, each coordinate from 0 to below 1.

    Reference: Halton 1960, https://doi.org/10.1007/BF01386213, scrambled after Owen 2017,
    https://arxiv.org/abs/1706.02808
    """
    stream = bits(seed, Purpose.SEARCH)
    if method == "random":
        points = np.random.Generator(stream).random((count, dimensions))
    else:
        from scipy.stats import qmc  # slow to import, and few files sample

        # SciPy spawns generators of its own, which a stream without a seed sequence cannot.
        generator = np.random.default_rng(stream.random_raw(4))
        # The argument was renamed in SciPy 1.15.
        name = "rng" if "rng" in inspect.signature(qmc.Halton).parameters else "seed"
        points = qmc.Halton(dimensions, scramble=True, **{name: generator}).random(count)
    return [[float(share) for share in point] for point in points]
