import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.adam import Adam


def test_five_steps_follow_the_formula():
    bench = Bench(Adam(lr=0.1, b1=0.8, b2=0.95, eps=1e-3))
    p, m, v = bench.p, 0.0, 0.0
    for t, (g, factor) in enumerate(zip(bench.gradients(), FACTORS, strict=True), 1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        p = p - 0.1 * factor * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        close(bench.step(g, factor), p)


def test_the_first_step_is_lr_for_every_parameter():
    bench = Bench(Adam(lr=0.01))
    start, (g,) = bench.p, bench.gradients(1)
    np.testing.assert_allclose(bench.step(g) - start, -0.01 * np.sign(g), rtol=1e-5)
