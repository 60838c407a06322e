import numpy as np
import pytest
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.lamb import Lamb


def test_five_steps_follow_the_formula():
    bench = Bench(Lamb(lr=0.1, b1=0.8, b2=0.95, eps=1e-3, weight_decay=0.3))
    p, m, v = bench.p, 0.0, 0.0
    for t, (g, factor) in enumerate(zip(bench.gradients(), FACTORS, strict=True), 1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        u = m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        for part, _, role in bench.parts():
            if role == "kernel":
                u[part] += 0.3 * p[part]
                u[part] *= np.linalg.norm(p[part]) / np.linalg.norm(u[part])
        p = p - 0.1 * factor * u
        close(bench.step(g, factor), p)


def test_every_kernel_moves_by_the_same_share_of_its_length():
    bench = Bench(Lamb(lr=0.05))
    for g in bench.gradients(10):
        before = bench.p
        step = bench.step(g) - before
        for part, _, role in bench.parts():
            if role == "kernel":
                assert np.linalg.norm(step[part]) == pytest.approx(0.05 * np.linalg.norm(before[part]))


def test_zero_kernels_can_leave_zero():
    bench = Bench(Lamb(lr=0.05))
    bench.store.p[...] = 0
    (g,) = bench.gradients(1)
    np.testing.assert_allclose(bench.step(g), -0.05 * np.sign(g), rtol=1e-4)
