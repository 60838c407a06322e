"""Random streams without state: each is a pure function of seed, purpose and place in the training.

Philox is a counter-based generator: block number c of the stream with key k is computed directly (Salmon et al. 2011,
https://doi.org/10.1145/2063384.2063405). The key holds the seed and the purpose, the counter the epoch, the layer and
the position. So nothing has to be saved, and neither the order of calls nor parallel work can change a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from dltricks.core.types import Array
from dltricks.engine.recipe import Seeds


class Purpose(IntEnum):
    """What randomness is for. Append only: a number once given is part of every result.

    SEARCH draws the samples of a sweep, whose own `seed` drives it; ``Seeds`` has none for it.
    """

    INIT = 0
    ORDER = 1
    DROPOUT = 2
    AUGMENT = 3
    SPLIT = 4
    SEARCH = 5
    DATA = 6


def bits(
    seed: int, purpose: Purpose, epoch: int = 0, place: int = 0, position: int = 0, step: int = 0
) -> np.random.Philox:
    """The bit generator of one stream, at a position counted in blocks of four 64-bit words."""
    key = np.array([seed, purpose], np.uint64)
    return np.random.Philox(key=key, counter=np.array([position, place, epoch, step], np.uint64))


def generator(seeds: Seeds, purpose: Purpose, epoch: int = 0, place: int = 0, step: int = 0) -> np.random.Generator:
    """A generator of its own for one purpose, epoch, place (such as the number of a parameter) and step."""
    return np.random.Generator(bits(getattr(seeds, purpose.name.lower()), purpose, epoch, place, step=step))


def words(seeds: Sequence[Seeds], epoch: int, layer: int, position: int, count: int) -> tuple[Array, Array]:
    """(words, rows): random 64-bit words for dropout, (S, count), and which of their rows is each replica's, (K,).

    Arms of a study share their seeds, so that S may be smaller than K.
    """
    numbers: dict[int, int] = {}
    rows = np.array([numbers.setdefault(seed.dropout, len(numbers)) for seed in seeds])
    source = bits(seeds[0].dropout, Purpose.DROPOUT, epoch, layer, position)
    start: Any = source.state
    drawn = []
    for seed in numbers:
        # To change the key takes a fifth of the time that another generator would.
        start["state"]["key"] = np.array([seed, Purpose.DROPOUT], np.uint64)
        source.state = start
        drawn.append(source.random_raw(count))
    return np.stack(drawn), rows
