import numpy as np
import pytest
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.lars import Lars


def test_five_steps_follow_the_formula():
    bench = Bench(Lars(lr=0.5, gamma=0.8, trust=0.1, weight_decay=0.3))
    p, v = bench.p, np.zeros(bench.store.size)
    for g, factor in zip(bench.gradients(), FACTORS, strict=True):
        p = p.copy()
        for part, _, role in bench.parts():
            w, dw, r = p[part], g[part], 1.0
            if role == "kernel":
                length, steepness = np.linalg.norm(w), np.linalg.norm(dw)
                r = 0.1 * length / (steepness + 0.3 * length)
                dw = dw + 0.3 * w
            v[part] = 0.8 * v[part] + 0.5 * factor * r * dw
            p[part] = w - v[part]
        close(bench.step(g, factor), p)


@pytest.mark.parametrize("size", [1e-20, 1e-3, 1e3, 1e30])
def test_the_size_of_the_gradient_does_not_matter_to_kernels(size):
    bench = Bench(Lars(lr=0.5, trust=0.1, weight_decay=0.0), dtype=np.float32)
    start, (g,) = bench.p, bench.gradients(1)
    step = bench.step(g * size) - start
    for part, _, role in bench.parts():
        if role == "kernel":
            share = np.linalg.norm(step[part]) / np.linalg.norm(start[part])
            assert share == pytest.approx(0.5 * 0.1, rel=1e-5)


def test_zero_kernels_can_leave_zero():
    bench = Bench(Lars(lr=0.5))
    bench.store.p[...] = 0
    (g,) = bench.gradients(1)
    close(bench.step(g), -0.5 * g)
