import numpy as np
import pytest
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.rprop import Rprop


def test_five_steps_follow_the_formula():
    bench = Bench(Rprop(lr=0.1, eta_minus=0.4, eta_plus=1.3, smallest=0.05, largest=0.15))
    p, s, last = bench.p, np.full(bench.store.size, 0.1), np.zeros(bench.store.size)
    for gradient, factor in zip(bench.gradients(), FACTORS, strict=True):
        g = gradient.copy()
        s = np.clip(np.where(g * last > 0, s * 1.3, np.where(g * last < 0, s * 0.4, s)), 0.05, 0.15)
        g[g * last < 0] = 0
        p, last = p - factor * s * np.sign(g), g
        close(bench.step(gradient, factor), p)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_the_signs_matter(dtype):
    plain, odd = Bench(Rprop(), dtype=dtype), Bench(Rprop(), dtype=dtype)
    sizes = 10.0 ** np.random.default_rng(5).uniform(-30, 10, plain.store.size)
    for g in plain.gradients(20):
        np.testing.assert_array_equal(plain.step(g), odd.step(g * sizes))


def test_steps_grow_while_the_sign_stays_and_stop_at_the_bound():
    bench = Bench(Rprop(lr=0.01, largest=0.05))
    steps = []
    for _ in range(12):
        before = bench.p
        steps.append(before - bench.step(np.ones(bench.store.size)))
    np.testing.assert_allclose([step[0] for step in steps], np.minimum(0.01 * 1.2 ** np.arange(12), 0.05), rtol=1e-9)


def test_bounds_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match=r"smallest \(2\.0\) must not be above largest \(1\.0\)"):
        Rprop(smallest=2.0, largest=1.0)
