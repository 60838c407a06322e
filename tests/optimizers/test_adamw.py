import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.adam import Adam
from dltricks.optimizers.adamw import Adamw


def test_five_steps_follow_the_formula():
    bench = Bench(Adamw(lr=0.1, b1=0.8, b2=0.95, eps=1e-3, weight_decay=0.3))
    p, m, v = bench.p, 0.0, 0.0
    for t, (g, factor) in enumerate(zip(bench.gradients(), FACTORS, strict=True), 1):
        lr = 0.1 * factor
        p = p - lr * 0.3 * bench.kernel * p
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        p = p - lr * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        close(bench.step(g, factor), p)


def test_the_decay_does_not_pass_through_the_moments():
    # Without a gradient kernels shrink by lr * weight_decay exactly, and nothing else moves.
    bench = Bench(Adamw(lr=0.1, weight_decay=0.5))
    start = bench.p
    close(bench.step(np.zeros(bench.store.size)), start * (1 - 0.05 * bench.kernel))


def test_without_decay_it_is_adam():
    adamw, adam = Bench(Adamw(weight_decay=0.0)), Bench(Adam())
    for g in adam.gradients():
        np.testing.assert_array_equal(adamw.step(g), adam.step(g))
