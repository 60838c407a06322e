import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.lion import Lion


def test_five_steps_follow_the_formula():
    bench = Bench(Lion(lr=0.1, b1=0.8, b2=0.95, weight_decay=0.3))
    p, m = bench.p, 0.0
    for g, factor in zip(bench.gradients(), FACTORS, strict=True):
        lr = 0.1 * factor
        p = p - lr * (np.sign(0.8 * m + 0.2 * g) + 0.3 * bench.kernel * p)
        m = 0.95 * m + 0.05 * g
        close(bench.step(g, factor), p)


def test_every_coordinate_moves_by_lr():
    bench = Bench(Lion(lr=0.25))
    bench.store.p[...] = 0
    for g in bench.gradients(10):
        before = bench.p
        np.testing.assert_array_equal(np.abs(bench.step(g * 1e-9) - before), 0.25)


def test_a_parameter_without_a_gradient_rests():
    bench = Bench(Lion())
    start = bench.p
    np.testing.assert_array_equal(bench.step(np.zeros(bench.store.size)), start)
