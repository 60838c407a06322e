import numpy as np
import pytest
from optimizers.bench import FACTORS, Bench

from dltricks.core.errors import UsageError
from dltricks.core.store import Parameter, Store
from dltricks.engine.update import Updater
from dltricks.optimizers.muon import Muon


def orthogonalized(G, rounds=5):
    """The published iteration, as written: transposed where it is taller than wide."""
    X = G / max(np.linalg.norm(G), 1e-7)
    if G.shape[0] > G.shape[1]:
        X = X.T
    for _ in range(rounds):
        S = X @ X.T
        X = 3.4445 * X + (-4.7750 * S + 2.0315 * S @ S) @ X
    return X.T if G.shape[0] > G.shape[1] else X


@pytest.mark.parametrize("width", [3, 4, 5])  # the hidden kernel is wide, square, tall
def test_five_steps_follow_the_formula(width):
    rule = Muon(lr=0.1, gamma=0.8, weight_decay=0.3, iterations=4, adam_lr=0.05, b1=0.7, b2=0.95, eps=1e-3)
    bench = Bench(rule, width=width)
    p, m, v = bench.p, np.zeros(bench.store.size), np.zeros(bench.store.size)
    for t, (g, factor) in enumerate(zip(bench.gradients(), FACTORS, strict=True), 1):
        p = p.copy()
        for n, (part, shape, role) in enumerate(bench.parts()):
            w, dw = p[part], g[part]
            if n == 1:
                m[part] = 0.8 * m[part] + 0.2 * dw
                X = orthogonalized((0.8 * m[part] + 0.2 * dw).reshape(shape), 4)
                p[part] = w * (1 - 0.1 * factor * 0.3) - 0.1 * factor * max(1, shape[1] / shape[0]) ** 0.5 * X.ravel()
            else:
                w = w * (1 - 0.05 * factor * 0.3 * (role == "kernel"))
                m[part] = 0.7 * m[part] + 0.3 * dw
                v[part] = 0.95 * v[part] + 0.05 * dw**2
                step = m[part] / (1 - 0.7**t) / (np.sqrt(v[part] / (1 - 0.95**t)) + 1e-3)
                p[part] = w - 0.05 * factor * step
        np.testing.assert_allclose(bench.step(g, factor), p, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_update_of_a_hidden_kernel_is_nearly_orthogonal(dtype):
    bench = Bench(Muon(lr=1.0, weight_decay=0.0), dtype=dtype, width=4)
    part, shape, _ = bench.parts()[1]
    bench.store.p[...] = 0
    rng = np.random.default_rng(2)
    U, _, Vt = np.linalg.svd(rng.normal(size=shape))
    g = np.zeros(bench.store.size)
    g[part] = (U @ np.diag([1.0, 0.5, 0.1, 0.03]) @ Vt).ravel()
    values = np.linalg.svd(bench.step(g)[part].reshape(shape), compute_uv=False)
    assert values.min() > 0.65
    assert values.max() < 1.25


def test_only_the_hidden_kernel_goes_without_a_second_moment():
    bench = Bench(Muon())
    part, _, _ = bench.parts()[1]
    assert bench.slot("v").shape[1] == bench.store.size - (part.stop - part.start)


@pytest.mark.parametrize("kernels", [1, 2])
def test_a_network_without_hidden_kernels_is_refused(kernels):
    store = Store([Parameter(f"{n}.W", (3, 3), "kernel") for n in range(kernels)], 1, np.dtype(np.float32))
    with pytest.raises(UsageError, match="muon is for kernels between the first and the last"):
        Updater([Muon()], store)
