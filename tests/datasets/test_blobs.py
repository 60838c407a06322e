import numpy as np
import pytest

from dltricks.core.errors import UsageError
from dltricks.datasets.blobs import Blobs


def test_clouds_have_their_centres_and_deviation():
    data = Blobs(samples=30000, noise=0.5, classes=3).load(None, 1)
    for c, centre in enumerate([(4, 0), (-2, 2 * np.sqrt(3)), (-2, -2 * np.sqrt(3))]):
        cloud = data.x[data.y == c]
        assert len(cloud) == 10000
        np.testing.assert_allclose(cloud.mean(0), centre, atol=0.03)
        np.testing.assert_allclose(cloud.std(0), 0.5, rtol=0.03)


def test_the_seed_decides():
    first, again, other = (Blobs().load(None, seed).x for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_class_needs_a_sample():
    with pytest.raises(UsageError, match="2 samples are too few for 3 classes"):
        Blobs(samples=2).load(None, 0)
