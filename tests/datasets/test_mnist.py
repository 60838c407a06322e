import os
from pathlib import Path

import numpy as np
import pytest

from dltricks.datasets.mnist import Mnist
from dltricks.experiment.datafiles import DataFiles
from dltricks.scalings.standardize import Standardize


@pytest.fixture(scope="module")
def data():
    """The real files: without them these tests fail, they do not skip, and they never download."""
    root = os.environ.get("DLTRICKS_DATA")
    assert root, "set DLTRICKS_DATA to a folder that holds mnist/"
    assert (Path(root) / "mnist").is_dir(), f"no folder mnist in {root}"
    return Mnist().load(DataFiles(data_dir=Path(root), quiet=True), 0)


@pytest.mark.data
def test_shapes_and_types(data):
    assert data.x.shape == (60000, 28, 28, 1)
    assert data.test_x.shape == (10000, 28, 28, 1)
    assert data.x.dtype == np.uint8
    assert data.y.dtype == np.int64
    assert data.interval == (0, 255)


@pytest.mark.data
def test_labels_and_first_image(data):
    assert data.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test_y[:5].tolist() == [7, 2, 1, 0, 4]
    # Counts per class as LeCun et al. split them.
    assert np.bincount(data.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.x[0, 5, 12, 0] == 3
    assert data.x[0, :5].max() == 0


@pytest.mark.data
def test_mean_and_deviation_are_the_known_ones(data):
    assert round(float(data.x.mean() / 255), 4) == 0.1307
    assert round(float(1 / Standardize().fit(data.x, None)[1].item() / 255), 4) == 0.3081
