import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.adadelta import Adadelta


def test_five_steps_follow_the_formula():
    bench = Bench(Adadelta(lr=0.7, rho=0.8, eps=1e-3))
    p, v, u = bench.p, 0.0, 0.0
    for g, factor in zip(bench.gradients(), FACTORS, strict=True):
        v = 0.8 * v + 0.2 * g**2
        d = g * np.sqrt(u + 1e-3) / np.sqrt(v + 1e-3)
        u = 0.8 * u + 0.2 * d**2
        p = p - 0.7 * factor * d
        close(bench.step(g, factor), p)


def test_the_units_of_the_loss_do_not_matter():
    # A loss in other units multiplies every gradient; the paper's point is that the steps stay the same.
    plain, scaled = Bench(Adadelta(eps=1e-12)), Bench(Adadelta(eps=1e-12))
    for g in plain.gradients(50):
        plain.step(g)
        scaled.step(1e3 * g)
    np.testing.assert_allclose(scaled.p, plain.p, rtol=1e-6)
