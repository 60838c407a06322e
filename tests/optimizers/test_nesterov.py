import numpy as np
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.nesterov import Nesterov


def test_five_steps_are_those_of_a_gradient_measured_ahead():
    # As in the paper: w and v apart, the gradient of sum c w^4 taken at w + gamma v.
    bench = Bench(Nesterov(lr=0.1, gamma=0.8))
    c = np.random.default_rng(3).uniform(0.1, 1, bench.store.size)
    w, v = bench.p, np.zeros(bench.store.size)
    for factor in FACTORS:
        v = 0.8 * v - 0.1 * factor * (4 * c * (w + 0.8 * v) ** 3)
        w = w + v
        close(bench.step(4 * c * bench.p**3, factor), w + 0.8 * v)


def test_it_swings_less_than_momentum_with_the_same_numbers():
    from dltricks.optimizers.momentum import Momentum

    lowest = []
    for rule in (Nesterov(lr=0.1, gamma=0.95), Momentum(lr=0.1, gamma=0.95)):
        bench = Bench(rule)
        bench.store.p[...] = 1
        lowest.append(min(bench.step(bench.p)[0] for _ in range(60)))
    assert lowest[1] < lowest[0] < 0
