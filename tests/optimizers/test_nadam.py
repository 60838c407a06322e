import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.nadam import Nadam


def test_five_steps_follow_the_formula():
    bench = Bench(Nadam(lr=0.1, b1=0.8, b2=0.95, eps=1e-3, momentum_decay=0.5))
    p, m, v, product = bench.p, 0.0, 0.0, 1.0
    for t, (g, factor) in enumerate(zip(bench.gradients(), FACTORS, strict=True), 1):
        mu, ahead = (0.8 * (1 - 0.5 * 0.96 ** (n * 0.5)) for n in (t, t + 1))
        product *= mu
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        d = (1 - mu) * g / (1 - product) + ahead * m / (1 - product * ahead)
        p = p - 0.1 * factor * d / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        close(bench.step(g, factor), p)


def test_it_answers_a_turned_gradient_sooner_than_adam():
    from dltricks.optimizers.adam import Adam

    turned = []
    for rule in (Nadam(lr=1e-3), Adam(lr=1e-3)):
        bench = Bench(rule)
        (g,) = bench.gradients(1)
        for _ in range(20):
            bench.step(g)
        for n in range(20):
            before = bench.p
            if ((bench.step(-g) - before) * g > 0).all():
                turned.append(n)
                break
    assert turned[0] < turned[1]


def test_going_on_at_a_later_step_is_the_same_as_never_having_stopped():
    whole, resumed = Bench(Nadam()), Bench(Nadam())
    gradients = whole.gradients(9)
    for g in gradients[:6]:
        whole.step(g)
    resumed.t = whole.t
    resumed.store.p[...] = whole.store.p
    for mine, its in zip(resumed.update.slots, whole.update.slots, strict=True):
        mine[...] = its
    for g in gradients[6:]:
        np.testing.assert_array_equal(resumed.step(g), whole.step(g))
