import numpy as np
import pytest
from optimizers.bench import FACTORS, Bench, close

from dltricks.optimizers.adafactor import Adafactor


def rms(x):
    return np.sqrt((x * x).mean())


@pytest.mark.parametrize("eps1", [1e-30, 0.3])
def test_five_steps_follow_the_formula(eps1):
    bench = Bench(Adafactor(lr=0.8, decay_rate=0.7, eps1=eps1, eps2=1e-2, d=0.5, weight_decay=0.3))
    p, rows, columns, moments = bench.p, {}, {}, {}
    for t, (g, factor) in enumerate(zip(bench.gradients(), FACTORS, strict=True), 1):
        p, lr, b = p.copy(), 0.8 * factor, 1 - t**-0.7
        for n, (part, shape, role) in enumerate(bench.parts()):
            w, dw = p[part].reshape(shape), g[part].reshape(shape)
            a = min(lr, t**-0.5) * max(1e-2, rms(w))
            if role == "kernel":
                w = w * (1 - lr * 0.3)
                r = rows[n] = b * rows.get(n, 0) + (1 - b) * (dw**2).mean(1)
                c = columns[n] = b * columns.get(n, 0) + (1 - b) * (dw**2).mean(0)
                V = np.outer(r, c) / max(r.mean(), eps1)
            else:
                V = moments[n] = b * moments.get(n, 0) + (1 - b) * dw**2
            u = dw / np.maximum(np.sqrt(V), eps1)
            p[part] = (w - a * u / max(1, rms(u) / 0.5)).ravel()
        close(bench.step(g, factor), p)


def test_the_second_moment_of_a_kernel_takes_rows_plus_columns_numbers():
    bench = Bench(Adafactor(), width=50)
    wanted = sum(sum(shape) for _, shape, _ in bench.parts())
    assert bench.slot("v").shape == (1, wanted)
    assert wanted < bench.store.size / 2


def test_squares_too_small_for_float32_products_still_adapt():
    # Means of squares near 1e-24: a row's times a column's would be 0 in float32.
    bench = Bench(Adafactor(lr=0.01), dtype=np.float32)
    wide = Bench(Adafactor(lr=0.01))
    for g in bench.gradients(5, 1e-12):
        np.testing.assert_allclose(bench.step(g), wide.step(g), rtol=1e-4, atol=1e-6)
