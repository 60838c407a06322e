"""What every optimizer must do, whatever it is: read from the registry, so that a new one is held to it, too."""

from __future__ import annotations

import itertools
import operator
import tracemalloc
from typing import Any, get_type_hints

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, Lt
from optimizers.bench import Bench

from dltricks.core import registry
from dltricks.core.component import numeric_fields
from dltricks.core.optimizer import Optimizer
from dltricks.engine import update

NAMES = registry.names("optimizer")
WIDE = 890
"""A width at which a replica has more than 8,192 parameters: numpy's buffers end there."""


def within(kind: Any, value: float) -> bool:
    """Whether a field of that annotated type may have the value."""
    compare = {Gt: operator.gt, Ge: operator.ge, Lt: operator.lt, Le: operator.le}
    bounds = getattr(kind, "__metadata__", ())
    return all(compare[type(bound)](value, getattr(bound, type(bound).__name__.lower())) for bound in bounds)


def variants(cls: type[Optimizer], replicas: int) -> list[Optimizer]:
    """Optimizers that differ in every numeric field, 0.5, 1 and 0 among the values: where shortcuts lie."""
    hints = get_type_hints(cls, include_extras=True)
    plain = cls()
    values = {}
    for number, name in enumerate(numeric_fields(cls)):
        default = getattr(plain, name)
        candidates = (default, 0.5, 2 * default, 0.5 * default, 1.0, 0.0, 2.0, 0.75)
        distinct = [value for value in dict.fromkeys(candidates) if within(hints[name], value)]
        assert len(distinct) >= replicas, f"{name}: too few values to differ in"
        values[name] = [distinct[(k + number) % len(distinct)] for k in range(replicas)]
    if "smallest" in values:  # the one pair of fields that bound each other
        values["smallest"] = [min(pair) for pair in zip(values["smallest"], values["largest"], strict=True)]
    return [cls(**{name: values[name][k] for name in values}) for k in range(replicas)]


@pytest.fixture(params=NAMES)
def cls(request: pytest.FixtureRequest) -> type[Optimizer]:
    return registry.load("optimizer", request.param)


def test_it_lowers_a_convex_quadratic_at_its_defaults(cls):
    bench = Bench(cls())
    curvature = np.random.default_rng(1).uniform(0.1, 2, bench.store.size)
    target = np.random.default_rng(2).normal(size=bench.store.size)

    def loss():
        return float((curvature * (bench.p - target) ** 2).sum() / 2)

    before = loss()
    for _ in range(1000):
        bench.step(curvature * (bench.p - target))
    assert loss() < 0.9 * before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_replica_has_the_same_bits_alone_and_in_a_stack(cls, dtype):
    rules = variants(cls, 3)
    together = Bench(*rules, dtype=dtype, width=WIDE)
    assert together.store.size > 8192
    alone = [Bench(rule, dtype=dtype, width=WIDE) for rule in rules]
    for k, bench in enumerate(alone):
        bench.store.p[0] = together.store.p[k]
    rng = np.random.default_rng(4)
    for factor in (1.0, 0.3, 0.0, 1.0):
        gradients = rng.normal(size=together.store.g.shape)
        gradients[:, ::7] = 0
        together.step(gradients, factor)
        for k, bench in enumerate(alone):
            bench.step(gradients[k], factor)
            assert bench.store.p.tobytes() == together.store.p[k].tobytes()
            for its, mine in zip(together.update.slots, bench.update.slots, strict=True):
                assert mine.tobytes() == its[k].tobytes()
    assert np.isfinite(together.store.p).all()


def test_blocks_give_the_same_bytes_as_the_whole(cls, monkeypatch):
    rules = variants(cls, 2)
    whole = Bench(*rules, dtype=np.float32, width=WIDE)
    monkeypatch.setattr(update, "BLOCK", 600)
    blocks = Bench(*rules, dtype=np.float32, width=WIDE)
    assert len(blocks.update._groups[0]) == (1 + blocks.store.size // 300 if cls.elementwise else 1)
    for g, factor in zip(whole.gradients(), (1.0, 0.5, 0.2, 1.0, 1.0), strict=True):
        whole.step(g, factor)
        blocks.step(g, factor)
        assert blocks.store.p.tobytes() == whole.store.p.tobytes()
    for its, mine in zip(whole.update.slots, blocks.update.slots, strict=True):
        assert mine.tobytes() == its.tobytes()


def test_nothing_left_in_the_scratch_array_reaches_a_result(cls):
    clean, poisoned = Bench(cls(), dtype=np.float32), Bench(cls(), dtype=np.float32)
    for g in clean.gradients():
        for bench, value in ((clean, 0.0), (poisoned, np.nan)):
            for _, (_, _, tmp, *_) in itertools.chain(*bench.update._groups):
                tmp.fill(value)
            bench.step(g)
        assert poisoned.store.p.tobytes() == clean.store.p.tobytes()


def test_a_replica_that_is_not_finite_leaves_its_neighbours_alone(cls):
    sound, mixed = Bench(cls(), cls()), Bench(cls(), cls())
    for g in sound.gradients():
        both = np.stack([g, 2 * g])
        sound.step(both)
        both[0] = np.nan
        mixed.step(both)
        assert mixed.store.p[1].tobytes() == sound.store.p[1].tobytes()


@pytest.mark.parametrize("name", [n for n in NAMES if "weight_decay" in registry.load("optimizer", n).__annotations__])
def test_only_kernels_decay(name):
    cls = registry.load("optimizer", name)
    plain, decayed = Bench(cls(weight_decay=0.0)), Bench(cls(weight_decay=0.1))
    (g,) = plain.gradients(1)
    moved = plain.step(g) != decayed.step(g)
    np.testing.assert_array_equal(moved, plain.kernel.astype(bool))


def test_a_parameter_that_never_has_a_gradient_does_not_move(cls):
    bench = Bench(cls(), dtype=np.float32)
    start = bench.p
    bias = next(part for part, _, role in bench.parts() if role == "bias")
    for g in bench.gradients():
        g[bias] = 0
        bench.step(g)
    np.testing.assert_array_equal(bench.p[bias], start[bias])


def test_steps_allocate_nothing_large(cls):
    bench = Bench(cls(), dtype=np.float32, width=20_000)
    bench.store.g[...] = 1
    for t in (1, 2):
        bench.update(bench.update.rates, t)
    tracemalloc.start()
    try:
        bench.update(bench.update.rates, 3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bench.store.p.nbytes / 2
