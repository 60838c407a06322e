import numpy as np
import pytest

from dltricks.scalings.unit import Unit


def test_each_column_of_a_table_fills_zero_to_one():
    x = np.array([[-3.0, 1e10], [5.0, 3e10], [1.0, 2e10]])
    shift, factor = Unit().fit(x, None)
    np.testing.assert_allclose((x - shift) * factor, [[0, 0], [1, 1], [0.5, 0.5]], rtol=1e-15)


def test_a_known_interval_outranks_what_is_seen():
    x = np.full((3, 2, 2, 1), 51, np.uint8)
    shift, factor = Unit().fit(x, (0.0, 255.0))
    np.testing.assert_allclose((x - shift) * factor, 0.2)


def test_images_share_one_interval():
    x = np.zeros((2, 2, 2, 2))
    x[..., 0], x[..., 1] = 4.0, 8.0
    shift, factor = Unit().fit(x, None)
    scaled = (x - shift) * factor
    assert scaled[..., 0].max() == 0.0
    assert scaled[..., 1].min() == 1.0


def test_a_constant_column_is_only_shifted():
    x = np.array([[7.0, 0.0], [7.0, 2.0]])
    shift, factor = Unit().fit(x, None)
    np.testing.assert_array_equal((x - shift) * factor, [[0, 0], [0, 1]])
    assert (8.0 - shift[0]) * factor[0] == 1.0


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float32])
def test_narrow_types_do_not_overflow(dtype):
    x = np.array([[0], [127]], dtype)
    shift, factor = Unit().fit(x, None)
    np.testing.assert_allclose((x - shift) * factor, [[0], [1]])
