import subprocess
import sys

import numpy as np
import pytest

from dltricks.experiment.sampling import METHODS, draw


@pytest.mark.parametrize("method", METHODS)
def test_points_are_a_function_of_the_seed(method):
    assert draw(method, 8, 3, 5) == draw(method, 8, 3, 5)
    assert draw(method, 8, 3, 5) != draw(method, 8, 3, 6)
    points = np.array(draw(method, 200, 3, 0))
    assert points.shape == (200, 3)
    assert points.min() >= 0
    assert points.max() < 1


def test_random_points_are_those_of_the_stream():
    """A number once drawn is part of every result: these are the first of Philox with the key (0, 5)."""
    expected = np.random.Generator(np.random.Philox(key=np.array([0, 5], np.uint64))).random((2, 2))
    assert draw("random", 2, 2, 0) == expected.tolist()


def test_halton_fills_every_part_of_every_axis():
    """In base 2 and 3 each interval of length 1/8 and 1/9 holds its share of the first 72 points."""
    points = np.array(draw("halton", 72, 2, 3))
    assert np.bincount((points[:, 0] * 8).astype(int)).tolist() == [9] * 8
    assert np.bincount((points[:, 1] * 9).astype(int)).tolist() == [8] * 9


def test_the_first_points_stay_when_there_are_more():
    for method in METHODS:
        assert draw(method, 20, 2, 1)[:5] == draw(method, 5, 2, 1)


def test_scipy_is_not_imported_for_a_sweep_without_a_sample():
    code = (
        "import sys; from dltricks.experiment.document import parse; from dltricks.experiment.study import read_study;"
        "assert len(read_study(parse('sweep: {dropout: [0, 0.5]}', 'f')).arms) == 2;"
        "assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
