import numpy as np

from dltricks.scalings.symmetric import Symmetric


def test_each_column_of_a_table_fills_minus_one_to_one():
    x = np.array([[-3.0, 10.0], [5.0, 30.0], [1.0, 15.0]])
    shift, factor = Symmetric().fit(x, None)
    np.testing.assert_array_equal((x - shift) * factor, [[-1, -1], [1, 1], [0, -0.5]])


def test_a_known_interval_outranks_what_is_seen():
    x = np.full((3, 2, 2, 1), 255, np.uint8)
    shift, factor = Symmetric().fit(x, (0.0, 255.0))
    np.testing.assert_array_equal((x - shift) * factor, np.ones(x.shape))
    assert (0 - shift) * factor == -1


def test_a_constant_column_is_only_shifted():
    x = np.array([[7.0], [7.0]])
    shift, factor = Symmetric().fit(x, None)
    np.testing.assert_array_equal((x - shift) * factor, [[0], [0]])
    assert ((8.0 - shift) * factor).item() == 1.0
