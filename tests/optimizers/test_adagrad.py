import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.adagrad import Adagrad


def test_five_steps_follow_the_formula():
    bench = Bench(Adagrad(lr=0.1, eps=1e-3))
    p, v = bench.p, 0.0
    for g, factor in zip(bench.gradients(), FACTORS, strict=True):
        v = v + g**2
        p = p - 0.1 * factor * g / (np.sqrt(v) + 1e-3)
        close(bench.step(g, factor), p)


def test_steps_along_a_constant_gradient_fall_with_the_root_of_time():
    bench = Bench(Adagrad(lr=0.1))
    (g,) = bench.gradients(1)
    for t in range(1, 101):
        before = bench.p
        np.testing.assert_allclose(np.abs(bench.step(g) - before), 0.1 / np.sqrt(t), rtol=1e-6)
