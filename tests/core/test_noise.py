from __future__ import annotations

import numpy as np
import pytest
from layers.bench import Bench

from dltricks.core import noise
from dltricks.core.noise import thresholds
from dltricks.dropouts.dropconnect import Dropconnect
from dltricks.dropouts.dropout import Dropout


def masks(bench: Bench, batch: int, steps: list[int], size: int = 20) -> dict[int, np.ndarray]:
    x = np.ones((len(bench.seeds), batch, *bench.sample))
    found = {}
    for step in steps:
        if (batch, *bench.sample) != bench.shape[1:]:
            bench.layer.allocate(x.shape)
            bench.shape = x.shape
        bench.context.step, bench.context.batch_size = step, size
        found[step] = bench.layer.forward(x, bench.context).copy()
    return found


@pytest.mark.parametrize("block", [1, 1000, 1 << 16])
@pytest.mark.parametrize("ahead", [1, 1 << 15])
def test_a_mask_depends_on_the_step_alone(monkeypatch: pytest.MonkeyPatch, block: int, ahead: int) -> None:
    expected = masks(Bench(Dropout(), Dropout(), shape=(7,)), 20, [0, 1, 5, 6, 200])
    monkeypatch.setattr(noise, "BLOCK", block)
    monkeypatch.setattr(noise, "AHEAD", ahead)
    bench = Bench(Dropout(), Dropout(), shape=(7,))
    for step in (200, 6, 0, 5, 1):
        np.testing.assert_array_equal(masks(bench, 20, [step])[step], expected[step])


def test_masks_differ_between_steps_epochs_replicas_and_layers() -> None:
    bench = Bench(Dropout(), Dropout(), shape=(7,))
    found = [mask for both in masks(bench, 20, [0, 1, 2]).values() for mask in both]
    bench.context.epoch += 1
    found += list(masks(bench, 20, [0])[0])
    bench.layer.index += 1
    bench.context.epoch += 1
    found += list(masks(bench, 20, [0])[0])
    assert len({mask.tobytes() for mask in found}) == len(found)
    flat = np.array([mask.ravel() == 0 for mask in found], float)
    off_diagonal = np.corrcoef(flat) - np.eye(len(found))
    assert np.abs(off_diagonal).max() < 0.35


def test_the_last_batch_takes_the_first_values_of_its_step() -> None:
    bench = Bench(Dropout(), shape=(7,))
    full = masks(bench, 20, [0, 1, 2, 3])
    np.testing.assert_array_equal(masks(bench, 11, [3])[3], full[3][:, :11])
    np.testing.assert_array_equal(masks(bench, 20, [0])[0], full[0])


def test_noise_on_weights_does_not_depend_on_the_batch() -> None:
    found = []
    for batch in (4, 9):
        bench = Bench(Dropconnect(), shape=(12,))
        bench.forward(np.ones((1, batch, 12)))
        found.append(bench.trick.mask.copy())
    np.testing.assert_array_equal(*found)


def test_a_new_place_forgets_the_old_noise() -> None:
    bench = Bench(Dropout(), shape=(7,))
    old = masks(bench, 20, [0])[0]
    bench.layer.attach("elsewhere", iter([5]), 1, np.dtype("float64"))
    bench.shape = ()
    assert (masks(bench, 20, [0])[0] != old).any()


def test_rates_are_multiples_of_a_65536th() -> None:
    threshold, q = thresholds([0.0, 0.5, 0.3, 1e-9, 1 - 1e-9])
    np.testing.assert_array_equal(threshold, [0, 32768, 19661, 0, 65535])
    np.testing.assert_array_equal(q, threshold / 65536)
