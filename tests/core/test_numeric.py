from __future__ import annotations

import numpy as np
import pytest

from dltricks.core.numeric import column_norms, folded, norms, power, shrink


def test_power_is_the_same_alone_and_in_a_stack() -> None:
    base = np.random.default_rng(0).uniform(0.1, 1, (7, 1))
    for exponent in (2, 0.5, 3, 17.25):
        together = power(base, exponent)
        assert together.shape == (7, 1)
        for k in range(7):
            assert together[k, 0] == power(base[k : k + 1], exponent)[0, 0] == float(base[k, 0]) ** exponent


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_norms_above_a_buffer_boundary_are_the_same_alone_and_in_a_stack(dtype: str) -> None:
    flat = np.random.default_rng(0).normal(size=(5, 20011)).astype(dtype)
    together = norms(flat)
    assert together.dtype == np.float64
    np.testing.assert_allclose(together, np.linalg.norm(flat.astype(np.float64), axis=1), rtol=1e-5)
    for k in range(5):
        assert norms(flat[k : k + 1].copy())[0] == together[k]


@pytest.mark.parametrize(("dtype", "huge"), [("float32", 1e38), ("float64", 1e300)])
def test_norms_of_huge_gradients_are_finite(dtype: str, huge: float) -> None:
    flat = np.array([[3, 4], [3e-2, 4e-2], [3, np.inf], [3, np.nan]]).astype(dtype)
    flat[1] *= np.dtype(dtype).type(huge)
    with np.errstate(all="ignore"):
        found = norms(flat)
    np.testing.assert_allclose(found[:2], [5, 5e-2 * huge], rtol=1e-6)
    assert found[2] == np.inf
    assert np.isnan(found[3])


def test_column_norms() -> None:
    w = np.random.default_rng(0).normal(size=(3, 50, 4)).astype(np.float32)
    w[1, :, 2] *= np.float32(1e30)
    w[2, :, 1] = 0
    with np.errstate(over="ignore"):
        found = column_norms(w, np.empty(1000, np.float32))
        alone = column_norms(w[1:2].copy(), np.empty(200, np.float32))
    np.testing.assert_allclose(found[:, 0], np.linalg.norm(w.astype(np.float64), axis=1), rtol=1e-6)
    assert (alone[0] == found[1]).all()


def test_shrink_by_less_than_the_dtype_can_hold() -> None:
    g = np.array([[1e38, -2e38], [1.0, 2.0]], np.float32)
    factor = np.array([[1e-42], [0.25]])
    shrink(g, factor)
    np.testing.assert_allclose(g, [[1e-4, -2e-4], [0.25, 0.5]], rtol=1e-6)


def test_shrink_by_one_changes_no_bit() -> None:
    g = np.random.default_rng(0).normal(size=(2, 100)).astype(np.float32)
    before = g.copy()
    shrink(g, np.array([[1.0], [1e-43]]))
    assert g[0].tobytes() == before[0].tobytes()


@pytest.mark.parametrize("other", range(4))
def test_folded_constants_are_one_row_where_no_setting_differs(other: int) -> None:
    columns = [np.full((3, 1), value) for value in (1e-3, 0.9, 0.999, 1e-8)]
    alone = list(folded(*columns, t=7))
    assert [len(rows) for rows in alone] == [1, 1]
    columns[other][2] /= 2
    apart = folded(*columns, t=7)
    assert [rows[:2] for rows in apart] == [rows * 2 for rows in alone]
    assert [rows[2:] for rows in apart] != alone


@pytest.mark.parametrize("t", [1, 2, 1000])
def test_folded_constants_make_adams_step_of_each_replica(t: int) -> None:
    lr, b1, b2, eps = (np.array(c)[:, None] for c in ([1e-3, 0.1], [0.9, 0.0], [0.999, 0.5], [1e-8, 1e-2]))
    m, v = np.array([[0.3], [-2.0]]), np.array([[0.04], [5.0]])
    expected = lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)
    size, eps_t = folded(lr, b1, b2, eps, t)
    found = np.array(size) * (m / (1 - b1)) / (np.sqrt(v / (1 - b2)) + np.array(eps_t))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
