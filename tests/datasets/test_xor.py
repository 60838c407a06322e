import numpy as np

from dltricks.datasets.xor import Xor


def test_the_class_is_whether_the_signs_differ():
    data = Xor(samples=403).load(None, 2)
    np.testing.assert_array_equal(data.y, (data.x[:, 0] > 0) != (data.x[:, 1] > 0))
    assert np.abs(data.x).max() <= 1
    assert np.bincount(data.y).tolist() == [202, 201]


def test_each_quadrant_has_its_share():
    x = Xor(samples=40).load(None, 0).x
    assert np.bincount((x[:, 0] > 0) + 2 * (x[:, 1] > 0)).tolist() == [10] * 4


def test_noise_moves_points_across_the_borders():
    data = Xor(samples=1000, noise=0.5).load(None, 0)
    right = data.y == ((data.x[:, 0] > 0) != (data.x[:, 1] > 0))
    assert 0.5 < right.mean() < 0.9


def test_the_seed_decides():
    first, again, other = (Xor().load(None, seed).x for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
