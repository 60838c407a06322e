"""From a data set to batches: gathering, filling gaps, scaling and targets, for K replicas at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.core.gaps import fill, means
from dltricks.core.memory import zeros
from dltricks.core.types import Array
from dltricks.engine.recipe import Recipe
from dltricks.engine.split import Split

CHUNK = 1 << 16
"""Values that are gathered and scaled at once: several small batches, or one large."""
AHEAD = 1 << 22
"""Bytes of scaled samples, of which all replicas share the scaling, up to which they are scaled once beforehand."""


@dataclass
class Batch:
    """One step's samples: x (K, B, *shape) scaled, target (K, B, C), labels (K, B) for classes."""

    x: Array
    target: Array
    labels: Array | None


class Pool:
    """The samples of K replicas as one array; replicas that share their data share its memory."""

    def __init__(self, xs: Sequence[Array], ys: Sequence[Array]) -> None:
        """``xs`` and ``ys`` hold one entry for each replica."""
        distinct = {id(x): (x, y) for x, y in zip(xs, ys, strict=True)}
        if len(distinct) == 1:
            self.x, self.y = xs[0], ys[0]
        else:
            self.x = np.concatenate([x for x, _ in distinct.values()])
            self.y = np.concatenate([y for _, y in distinct.values()])
        begins = np.cumsum([0, *(len(x) for x, _ in distinct.values())])
        starts = dict(zip(distinct, begins, strict=False))
        self.offsets = np.array([[starts[id(x)]] for x in xs], np.int64)
        """Where each replica's samples begin, (K, 1)."""

    def with_inputs(self, x: Array) -> Pool:
        """The same samples with other inputs."""
        other = copy(self)
        other.x = x
        return other


class Scale(NamedTuple):
    """What is learned from each replica's training part, each of shape (K, 1, ...) in float64."""

    shift: Array
    factor: Array
    fill: Array | None
    """What stands in for missing numbers; None where there can be none."""


class Gatherer:
    """Cuts index lists into batches: gathers raw samples, fills their gaps, scales them, and makes targets."""

    def __init__(self, pool: Pool, scale: Scale, classes: int, dtype: np.dtype[Any]) -> None:
        """``classes`` is 0 for regression."""
        self.pool, self.dtype = pool, dtype
        # Wide raw values are scaled wide: a small difference of large numbers would not survive the cast.
        self.wide: np.dtype[Any] = np.result_type(pool.x.dtype, dtype) if pool.x.dtype.kind == "f" else dtype
        self.shift, self.factor = scale.shift.astype(self.wide), scale.factor.astype(self.wide)
        self.fill = None if scale.fill is None else scale.fill.astype(self.wide)
        # Neither changes a bit where it is left out.
        self.shifts, self.stretches = bool((self.shift != 0).any()), bool((self.factor != 1).any())
        if self.fill is None and pool.x.size * dtype.itemsize <= AHEAD and _same(self.shift) and _same(self.factor):
            self._scale_ahead()
        self.rows = np.eye(classes, dtype=dtype) if classes else pool.y.astype(dtype)
        self.labels = pool.y if classes else None
        self._buffers: dict[str, Array] = {}

    def _scale_ahead(self) -> None:
        """Takes the pool as the network sees it. The same operations on the same values, so that no bit differs."""
        with np.errstate(all="ignore"):
            x = self.pool.x.astype(self.wide)
            if self.shifts:
                x -= self.shift[0]
            if self.stretches:
                x *= self.factor[0]
            self.pool = self.pool.with_inputs(x.astype(self.dtype))
        self.wide, self.shifts, self.stretches = self.dtype, False, False

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        size = prod(shape)
        arena = self._buffers.get(name)
        if arena is None or arena.size < size:
            arena = self._buffers[name] = zeros((size,), dtype)
        return arena[:size].reshape(shape)

    def batches(self, index: Array, size: int, first: int = 0) -> Iterator[Batch]:
        """Batches of ``size`` of the samples in index (K, N), from batch number ``first`` on.

        The numbers in ``index`` count each replica's own samples. A batch is valid until the next is asked for.
        """
        index = index + self.pool.offsets
        replicas, samples = index.shape
        steps = -(-samples // size)
        chunk = max(1, CHUNK // (replicas * size * prod(self.pool.x.shape[1:])))
        for start in range(first, steps, chunk):
            part = np.ascontiguousarray(index[:, start * size : (start + chunk) * size])
            x, target, labels = self._gather(part)
            for i in range(0, part.shape[1], size):
                row = slice(i, i + size)
                yield Batch(x[:, row], target[:, row], None if labels is None else labels[:, row])

    def _gather(self, part: Array) -> tuple[Array, Array, Array | None]:
        pool, shape = self.pool, (*part.shape, *self.pool.x.shape[1:])
        wide = self._buffer("wide", shape, self.wide)
        if pool.x.dtype == self.wide:
            np.take(pool.x, part, axis=0, out=wide, mode="clip")
        else:
            raw = np.take(pool.x, part, axis=0, out=self._buffer("raw", shape, pool.x.dtype), mode="clip")
            np.copyto(wide, raw)
        if self.fill is not None:
            fill(wide, self.fill)
        if self.shifts:
            wide -= self.shift
        if self.stretches:
            wide *= self.factor
        x = wide
        if self.wide != self.dtype:
            x = self._buffer("x", shape, self.dtype)
            np.copyto(x, wide, casting="same_kind")
        labels = None if self.labels is None else np.take(self.labels, part)
        rows = part if labels is None else labels
        target = np.take(self.rows, rows, axis=0, mode="clip")
        return x, target, labels


def _same(column: Array) -> bool:
    return bool((column == column[:1]).all())


def fit_scale(recipes: Sequence[Recipe], datas: Sequence[Data], splits: Sequence[Split]) -> Scale:
    """Means to fill gaps with, shifts and factors, from each replica's training part only.

    Raises:
        UsageError: a column with gaps and no number in the training part.
    """
    fitted: dict[tuple[int, bytes, str], tuple[Array, Array, Array]] = {}
    found = []
    for recipe, data, split in zip(recipes, datas, splits, strict=True):
        key = (id(data), split.train.tobytes(), f"{type(recipe.scaling)} {recipe.scaling}")
        if key not in fitted:
            fitted[key] = _fit(recipe, data, split)
        found.append([np.broadcast_to(part, data.x.shape[1:]) for part in fitted[key]])
    shift, factor, fills = (np.stack(parts)[:, None] for parts in zip(*found, strict=True))
    return Scale(shift, factor, fills if any(data.gaps for data in datas) else None)


def _fit(recipe: Recipe, data: Data, split: Split) -> tuple[Array, Array, Array]:
    if not data.gaps:
        return *recipe.scaling.fit(data.x, data.interval, split.train), np.zeros(())
    train = data.x[split.train]
    mean = means(train)
    unknown = np.flatnonzero(np.isnan(mean))
    if len(unknown):
        raise UsageError(
            f"dataset: column {data.features[unknown[0]]!r} has no number in the training part whose mean could fill "
            "its gaps; remove the column, or lower validation"
        )
    fill(train, mean)
    return *recipe.scaling.fit(train, data.interval), mean
