import numpy as np
import pytest
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.normalized import Normalized


def test_five_steps_follow_the_formula():
    bench = Bench(Normalized(lr=0.3))
    p = bench.p
    for g, factor in zip(bench.gradients(), FACTORS, strict=True):
        p = p - 0.3 * factor * g / np.sqrt((g * g).sum())
        close(bench.step(g, factor), p)


@pytest.mark.parametrize("size", [1e-40, 1e-25, 1e-8, 1.0, 1e8, 1e25, 1e37])
def test_the_step_has_the_length_lr_whatever_the_size_of_the_gradient(size):
    bench = Bench(Normalized(lr=0.5), dtype=np.float32)
    bench.store.p[...] = 0
    (g,) = bench.gradients(1, size)
    step = bench.step(g).astype(float)
    rounded = g.astype(np.float32).astype(float)
    assert np.linalg.norm(step) == pytest.approx(0.5, rel=1e-6)
    np.testing.assert_allclose(step / 0.5, -rounded / np.linalg.norm(rounded), rtol=1e-5, atol=1e-7)


def test_no_gradient_no_step():
    bench = Bench(Normalized())
    before = bench.p
    np.testing.assert_array_equal(bench.step(np.zeros(bench.store.size)), before)
