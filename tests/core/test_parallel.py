from __future__ import annotations

from _thread import interrupt_main
from collections.abc import Iterator
from time import sleep

import numpy as np
import pytest

from dltricks.core.parallel import PIECE, SWEPT, Pool, matmul, pool, sweep


@pytest.fixture(autouse=True)
def _size() -> Iterator[None]:
    before = pool.threads
    yield
    pool.resize(before)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_job_is_done_once(threads: int) -> None:
    own = Pool()
    own.resize(threads)
    done: list[int] = []
    own.run([lambda i=i: done.append(i) for i in range(10)])
    assert sorted(done) == list(range(10))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("broken", [0, 1, 2])
def test_an_error_in_a_job_reaches_the_caller_and_the_pool_lives_on(threads: int, broken: int) -> None:
    own = Pool()
    own.resize(threads)

    def job(i: int) -> None:
        if i == broken:
            raise ArithmeticError(str(i))

    with pytest.raises(ArithmeticError, match=str(broken)):
        own.run([lambda i=i: job(i) for i in range(3)])
    done: list[int] = []
    own.run([lambda i=i: done.append(i) for i in range(3)])
    assert sorted(done) == [0, 1, 2]


def test_what_an_interrupted_call_leaves_counts_for_no_other() -> None:
    own = Pool()
    own.resize(3)
    with pytest.raises(KeyboardInterrupt):
        own.run([lambda: None, interrupt_main, lambda: sleep(0.2)])
    done: list[int] = []

    def late(i: int) -> None:
        sleep(0.1)
        done.append(i)

    own.run([lambda i=i: late(i) for i in range(6)])
    assert sorted(done) == list(range(6))


@pytest.mark.parametrize("shape", [(128, 512, 400), (600, 512, 60), (700, 600, 600)])
def test_large_products_do_not_depend_on_threads_or_replicas(shape: tuple[int, int, int]) -> None:
    rows, inner, columns = shape
    assert rows * inner * columns >= 2 * PIECE
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, rows, inner)).astype(np.float32)
    b = rng.normal(size=(2, inner, columns)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        pool.resize(threads)
        results.append(matmul(a, b, np.empty((2, rows, columns), np.float32)).tobytes())
    assert len(set(results)) == 1
    alone = matmul(a[1:], b[1:], np.empty((1, rows, columns), np.float32))
    assert alone.tobytes() == results[0][len(results[0]) // 2 :]
    np.testing.assert_allclose(alone[0], a[1].astype(np.float64) @ b[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_everything_is_shared_out_once(threads: int, count: int) -> None:
    pool.resize(threads)
    seen: list[int] = []

    def job(thread: int, first: int, last: int) -> None:
        assert 0 <= thread < threads
        seen.extend(range(first, last))

    pool.share(count, threads, job)
    assert sorted(seen) == list(range(count))


@pytest.mark.parametrize("size", [10, SWEPT - 1, SWEPT + 7])
def test_a_sweep_gives_the_same_bits_on_any_number_of_threads(size: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, size // 2)).astype(np.float32)
    found = []
    for threads in (1, 2, 3):
        pool.resize(threads)
        y = np.empty_like(x)
        sweep(np.tanh, x, y)
        found.append(y.tobytes())
    assert found == [np.tanh(x).tobytes()] * 3
