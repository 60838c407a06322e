import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.adamax import Adamax


def test_five_steps_follow_the_formula():
    bench = Bench(Adamax(lr=0.1, b1=0.8, b2=0.6, eps=1e-3))
    p, m, u = bench.p, 0.0, 0.0
    for t, (g, factor) in enumerate(zip(bench.gradients(), FACTORS, strict=True), 1):
        m = 0.8 * m + 0.2 * g
        u = np.maximum(0.6 * u, np.abs(g) + 1e-3)
        p = p - 0.1 * factor * m / (1 - 0.8**t) / u
        close(bench.step(g, factor), p)


def test_no_step_is_longer_than_lr_where_the_gradient_keeps_its_size():
    bench = Bench(Adamax(lr=0.01, b1=0.9, b2=0.999))
    signs = np.sign(bench.gradients(100))
    for sign in signs:
        before = bench.p
        assert np.abs(bench.step(3.0 * sign) - before).max() <= 0.01 * (1 + 1e-9)
