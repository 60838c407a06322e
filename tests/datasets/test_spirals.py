import numpy as np
import pytest

from dltricks.core.errors import UsageError
from dltricks.datasets.spirals import Spirals


def test_without_noise_the_angle_grows_with_the_radius():
    data = Spirals(samples=90, noise=0.0, classes=3, turns=1.5).load(None, 5)
    r = np.hypot(*data.x.T)
    expected = 2 * np.pi * (1.5 * r + data.y / 3)
    np.testing.assert_allclose(data.x, np.stack([r * np.cos(expected), r * np.sin(expected)], axis=1), atol=1e-12)
    assert r.max() <= 1


def test_classes_are_balanced_and_named():
    data = Spirals(samples=10, classes=4).load(None, 0)
    assert np.bincount(data.y).tolist() == [3, 3, 2, 2]
    assert list(data.classes) == ["0", "1", "2", "3"]


def test_the_seed_decides():
    first, again, other = (Spirals().load(None, seed).x for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_class_needs_a_sample():
    with pytest.raises(UsageError, match="3 samples are too few for 5 classes"):
        Spirals(samples=3, classes=5).load(None, 0)
