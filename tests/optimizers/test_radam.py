import numpy as np
import pytest
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.radam import Radam


@pytest.mark.parametrize("b2", [0.6, 0.9, 0.999])  # never, later, and only after the fifth step
def test_steps_follow_the_formula(b2):
    bench = Bench(Radam(lr=0.1, b1=0.8, b2=b2, eps=1e-3))
    p, m, v, adapted = bench.p, 0.0, 0.0, []
    longest = 2 / (1 - b2) - 1
    for t, (g, factor) in enumerate(zip(bench.gradients(10), FACTORS * 2, strict=True), 1):
        m = 0.8 * m + 0.2 * g
        v = b2 * v + (1 - b2) * g**2
        step = m / (1 - 0.8**t)
        rho = longest - 2 * t * b2**t / (1 - b2**t)
        adapted.append(rho > 5)
        if rho > 5:
            r = np.sqrt((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho))
            step = step * r * np.sqrt(1 - b2**t) / (np.sqrt(v) + 1e-3)
        p = p - 0.1 * factor * step
        close(bench.step(g, factor), p)
    assert any(adapted) == (b2 > 2 / 3)
    assert not adapted[0]


def test_the_first_steps_keep_the_size_of_the_gradient_and_later_ones_lose_it():
    lengths = {}
    for scale in (1.0, 100.0):
        bench = Bench(Radam(lr=1e-3, b2=0.99))
        (g,) = bench.gradients(1, scale)
        steps = []
        for _ in range(300):
            before = bench.p
            steps.append(np.linalg.norm(bench.step(g) - before))
        lengths[scale] = steps
    assert lengths[100.0][0] == pytest.approx(100 * lengths[1.0][0])
    assert lengths[100.0][-1] == pytest.approx(lengths[1.0][-1], rel=1e-4)


def test_replicas_that_adapt_at_different_times_do_not_mix():
    fields = [{"b2": 0.9}, {"b2": 0.5}, {"b2": 0.999}]
    together = Bench(*(Radam(**field) for field in fields))
    alone = [Bench(Radam(**field)) for field in fields]
    together.store.p[...] = together.p
    for g in together.gradients(12):
        together.step(g)
        for k, bench in enumerate(alone):
            np.testing.assert_array_equal(together.store.p[k], bench.step(g))
