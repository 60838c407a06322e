import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.rmsprop import Rmsprop


def test_five_steps_follow_the_formula():
    bench = Bench(Rmsprop(lr=0.1, alpha=0.8, eps=1e-3, gamma=0.6))
    p, v, d = bench.p, 0.0, 0.0
    for g, factor in zip(bench.gradients(), FACTORS, strict=True):
        v = 0.8 * v + 0.2 * g**2
        d = 0.6 * d + g / (np.sqrt(v) + 1e-3)
        p = p - 0.1 * factor * d
        close(bench.step(g, factor), p)


def test_in_the_long_run_a_step_is_lr_whatever_the_size_of_the_gradient():
    bench = Bench(Rmsprop(lr=0.01, alpha=0.9))
    g = bench.gradients(1)[0] * 10.0 ** (np.arange(bench.store.size) % 5)
    for _ in range(400):
        before = bench.p
        after = bench.step(g)
    np.testing.assert_allclose(after - before, -0.01 * np.sign(g), rtol=1e-5)
