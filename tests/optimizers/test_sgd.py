import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.sgd import Sgd


def test_five_steps_follow_the_formula():
    bench = Bench(Sgd(lr=0.3))
    p = bench.p
    for g, factor in zip(bench.gradients(), FACTORS, strict=True):
        p = p - 0.3 * factor * g
        close(bench.step(g, factor), p)


def test_a_step_is_proportional_to_the_gradient():
    small, large = Bench(Sgd()), Bench(Sgd())
    start, (g,) = small.p, small.gradients(1)
    np.testing.assert_allclose(large.step(8 * g) - start, 8 * (small.step(g) - start), rtol=1e-12)
