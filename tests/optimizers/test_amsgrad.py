import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.amsgrad import Amsgrad


def test_five_steps_follow_the_formula():
    bench = Bench(Amsgrad(lr=0.1, b1=0.8, b2=0.6, eps=1e-3))
    p, m, v, h = bench.p, 0.0, 0.0, np.zeros(bench.store.size)
    for t, (g, factor) in enumerate(zip(bench.gradients(), FACTORS, strict=True), 1):
        m = 0.8 * m + 0.2 * g
        v = 0.6 * v + 0.4 * g**2
        h = np.maximum(h, v)
        p = p - 0.1 * factor * (m / (1 - 0.8**t)) / (np.sqrt(h / (1 - 0.6**t)) + 1e-3)
        close(bench.step(g, factor), p)


def test_the_divisor_never_falls():
    bench = Bench(Amsgrad(b2=0.5))
    highest, fell = np.zeros(bench.store.size), False
    for g in bench.gradients(30):
        bench.step(g)
        h, v = bench.slot("h")[0], bench.slot("v")[0]
        assert (h >= highest).all()
        highest, fell = h.copy(), fell or bool((v < h).any())
    assert fell, "the second moment itself must have fallen somewhere, or this says nothing"
