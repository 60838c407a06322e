import numpy as np
import pytest
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.momentum import Momentum


def test_five_steps_follow_the_formula():
    bench = Bench(Momentum(lr=0.1, gamma=0.8))
    p, v = bench.p, 0.0
    for g, factor in zip(bench.gradients(), FACTORS, strict=True):
        v = 0.8 * v - 0.1 * factor * g
        p = p + v
        close(bench.step(g, factor), p)


def test_a_constant_gradient_is_amplified_by_1_over_1_minus_gamma():
    bench = Bench(Momentum(lr=0.01, gamma=0.9))
    (g,) = bench.gradients(1)
    for _ in range(400):
        before = bench.p
        after = bench.step(g)
    np.testing.assert_allclose(after - before, -0.01 * g / (1 - 0.9), rtol=1e-9)


@pytest.mark.parametrize(("gamma", "later"), [(0.0, 0.0), (1.0, 1.0)])
def test_the_ends_of_gamma_forget_at_once_and_never(gamma, later):
    bench = Bench(Momentum(lr=0.01, gamma=gamma))
    start, (g,) = bench.p, bench.gradients(1)
    first = bench.step(g) - start
    for _ in range(3):
        before = bench.p
        close(bench.step(0 * g) - before, later * first)
