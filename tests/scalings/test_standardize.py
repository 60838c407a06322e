import numpy as np
import pytest

from dltricks.scalings.standardize import Standardize


def scaled(x):
    shift, factor = Standardize().fit(x, (0.0, 255.0))
    return (x - shift) * factor


def test_each_column_of_a_table_has_mean_0_and_deviation_1():
    x = np.random.default_rng(0).normal([5.0, -2e6, 1e-9], [2.0, 3e3, 1e-12], (3000, 3))
    z = scaled(x)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(0), 1, rtol=1e-9)


def test_it_agrees_with_the_textbook_formula():
    x = np.random.default_rng(1).uniform(-1, 1, (50, 4))
    np.testing.assert_allclose(scaled(x), (x - x.mean(0)) / x.std(0), rtol=1e-12, atol=1e-14)


def test_images_are_scaled_by_channel():
    x = np.random.default_rng(2).integers(0, [256, 128, 32], (1500, 4, 4, 3), np.uint8, endpoint=False)
    z = scaled(x)
    np.testing.assert_allclose(z.mean((0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(z.std((0, 1, 2)), 1, rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e300, -7.0])
def test_a_constant_column_is_only_shifted(value):
    x = np.full((1000, 1), value)
    shift, factor = Standardize().fit(x, None)
    np.testing.assert_array_equal((x - shift) * factor, np.zeros((1000, 1)))
    assert factor.item() == 1.0


def test_a_large_offset_costs_no_digits():
    x = 1e9 + np.array([[0.0], [1.0]] * 500)
    np.testing.assert_allclose(scaled(x), [[-1.0], [1.0]] * 500, rtol=1e-6)
