from __future__ import annotations

import numpy as np
import pytest
from engine.small import recipe, run, store

from dltricks.averagers.ema import Ema
from dltricks.core.component import stack
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer


def test_against_the_closed_form() -> None:
    made = store(("W", (4, 3), "kernel"), replicas=3)
    decays = (0.9, 0.5, 0.0)
    averager = stack([Ema(decay) for decay in decays], ndim=2)
    averager.setup(made)
    slot, past = np.zeros_like(made.p), []
    rng = np.random.default_rng(1)
    for t in range(1, 8):
        made.p[...] = rng.normal(size=made.p.shape)
        past.append(made.p.copy())
        averager.after_step(made, t, slot)
        found = averager.weights(t, 1, slot)
        assert found is not None
        for k, d in enumerate(decays):
            shares = [(1 - d) * d ** (t - s) / (1 - d**t) for s in range(1, t + 1)]
            assert sum(shares) == pytest.approx(1.0)
            expected = sum(share * w[k] for share, w in zip(shares, past, strict=True))
            np.testing.assert_allclose(found[k], expected, rtol=1e-12, atol=1e-14)


def test_the_first_average_is_the_first_weights_and_constant_weights_are_their_own() -> None:
    made = store(("W", (4, 3), "kernel"), dtype="float32")
    averager = stack([Ema(0.999)], ndim=2)
    averager.setup(made)
    slot = np.zeros_like(made.p)
    for t in range(1, 200):
        averager.after_step(made, t, slot)
        found = averager.weights(t, 1, slot)
        assert found is not None
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, made.p, rtol=2e-5)


class Weights(Hook):
    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def on_step_end(self, run: Trainer) -> None:
        self.seen.append(run.store.p.astype(np.float64))


def test_a_run_stands_for_its_average() -> None:
    hook = Weights()
    outcome = run(recipe(averaging={"name": "ema", "decay": 0.8}), hooks=(hook,))[0]
    steps = len(hook.seen)
    shares = [0.2 * 0.8 ** (steps - s) / (1 - 0.8**steps) for s in range(1, steps + 1)]
    expected = sum(share * w for share, w in zip(shares, hook.seen, strict=True))
    found = np.concatenate([w.ravel() for path, w in outcome.weights.items() if path.endswith("W")])
    np.testing.assert_allclose(found, expected[0, : len(found)], rtol=1e-5, atol=1e-6)
