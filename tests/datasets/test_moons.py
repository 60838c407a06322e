import numpy as np

from dltricks.datasets.moons import Moons


def test_without_noise_both_classes_lie_on_half_circles():
    data = Moons(samples=101, noise=0.0).load(None, 3)
    upper, lower = data.x[data.y == 0], data.x[data.y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1)
    np.testing.assert_allclose(np.hypot(*(lower - [1.0, 0.5]).T), 1)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5
    assert (len(upper), len(lower)) == (51, 50)


def test_the_seed_decides():
    first, again, other = (Moons().load(None, seed).x for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_noise_moves_points_by_its_deviation():
    still, moved = (Moons(samples=20000, noise=noise).load(None, 0).x for noise in (0.0, 0.3))
    np.testing.assert_allclose((moved - still).std(), 0.3, rtol=0.02)
