"""One loss on one batch, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltricks.core.component import stack


def apply(trick: Any, z: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(each sample's loss (B,), gradient of their mean (B, C)) for one replica."""
    loss = stack([trick])
    loss.allocate((1, *z.shape), z.dtype)
    value = loss.forward(z[None], target[None].astype(z.dtype))[0]
    return value, loss.backward()[0].copy()


def batch(classes: int = 4, samples: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """(outputs, one-hot targets)"""
    rng = np.random.default_rng(0)
    return rng.normal(0, 2, (samples, classes)), np.eye(classes)[rng.integers(0, classes, samples)]


def targets(task: str, shape: tuple[int, ...], seed: int = 3) -> np.ndarray:
    """Random targets: one-hot rows of classes, or numbers."""
    rng = np.random.default_rng(seed)
    if task == "classification":
        return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
    return rng.normal(size=shape)
