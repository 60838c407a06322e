"""The sign-flip test: how often a difference as large would come up if each pair's sign were a coin's toss."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dltricks.core.types import Array
from dltricks.statistics.student import checked, magnitude

EXACT_UP_TO = 32
"""Pairs up to which every pattern of signs is counted; beyond, patterns are drawn."""
DRAWN = 99_999
"""Patterns that are drawn where there are too many to count: the standard error of p = 0.05 is then 0.0007."""
FEWEST = 6
"""Fewer pairs than this cannot reach p < 0.05 whatever they show: 2 / 2^5 = 0.0625."""
NEVER = 1e-15
"""A probability that any of the drawn patterns reaches what was seen, below which none needs to be drawn."""
TIE = 1e-9
"""Two sums closer than this share of all magnitudes are equal: rounding must not decide."""


@dataclass(frozen=True)
class Permutation:
    """A two-sided p, the smallest that so many pairs could give, and whether all patterns were counted."""

    p: float
    smallest_p: float
    exact: bool


def smallest_p(n: int) -> float:
    """2 / 2^n, but never above 1."""
    return min(1.0, 2.0 / 2.0**n)


def sign_flip(differences: ArrayLike, seed: int = 0) -> Permutation:
    """p = share of the 2^n patterns of signs s with |sum s_i d_i| >= |sum d_i|, counted exactly up to 32 pairs: the
    sums of either half of the pairs are sorted, and each of one half finds its partners in the other.

    Beyond, p = (1 + hits) / (1 + drawn) of 99,999 patterns drawn from a fixed seed, which is still a valid test. They
    are not drawn where by Hoeffding's inequality, P(|sum s_i d_i| >= t) <= 2 exp(-t^2 / (2 sum d_i^2)), none can be
    expected to reach what was seen: there are no hits then.
    Assumes that without an effect each difference is as likely to be +d as -d, and nothing about its size.
    Source: Fisher 1935, The Design of Experiments, section 21; Phipson & Smyth 2010,
    https://doi.org/10.2202/1544-6115.1585; Hoeffding 1963, https://doi.org/10.1080/01621459.1963.10500830

    Args:
        differences: (n,), one for each pair.
        seed: of the drawn patterns.

    Raises:
        UsageError: no difference at all, or one that is not finite.
    """
    d = checked(differences, 1)
    n = len(d)
    seen = abs(d.sum()) - TIE * np.abs(d).sum()
    if n > EXACT_UP_TO:
        hits = _draw(d, seen, np.random.Generator(np.random.Philox(seed)))
        return Permutation((1 + hits) / (1 + DRAWN), smallest_p(n), False)
    if seen <= 0:
        return Permutation(1.0, smallest_p(n), True)
    halves = []
    for part in (d[: n // 2], d[n // 2 :]):
        sums = np.zeros(1)
        for one in part:
            sums = np.concatenate([sums + one, sums - one])
        halves.append(np.sort(sums))
    # Patterns come in opposite pairs, so one tail is half of both.
    reached = len(halves[1]) - np.searchsorted(halves[1], seen - halves[0], side="left")
    return Permutation(2 * float(reached.sum()) / 2.0**n, smallest_p(n), True)


def _draw(d: Array, seen: float, random: np.random.Generator) -> int:
    """How many of the drawn patterns reach what was seen."""
    if seen > 0:
        scaled = d / magnitude(d)
        bound = math.exp(-float((seen / magnitude(d)) ** 2 / (2 * scaled @ scaled)))
        if 2 * DRAWN * bound < NEVER:
            return 0
    # A random byte holds the signs of eight pairs, and what they sum up to is looked up: a tenth of the time of
    # drawing and multiplying each sign.
    eights = np.concatenate([d, np.zeros(-len(d) % 8)]).reshape(-1, 8)
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    sums_of = eights @ signs.T  # (eights, 256)
    hits, left = 0, DRAWN
    while left:
        count = min(left, 1 << 12)
        sums = np.zeros(count)
        for table, byte in zip(sums_of, random.integers(0, 256, (len(eights), count), dtype=np.uint8), strict=True):
            sums += table[byte]
        hits += int(np.count_nonzero(np.abs(sums) >= seen))
        left -= count
    return hits
