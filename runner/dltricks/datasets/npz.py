"""Arrays in an .npz file: tables or images of any kind."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dltricks.core.dataset import Data, Dataset, Files, Task
from dltricks.core.errors import UsageError
from dltricks.core.inputs import check_numbers, read_npz
from dltricks.core.types import Array


@dataclass
class Npz(Dataset):
    """x, y <- the arrays of that name        (test_x, test_y, classes: where present)

    ``x`` is (N, features) or (N, height, width, channels), of any real type. For classification ``y`` is (N,)
    whole numbers from 0 and ``classes`` their names; for regression it is (N,) or (N, targets) numbers.
    Nothing is unpickled: ``numpy.savez_compressed("data.npz", x=x, y=y)`` writes all that is needed.

    Reference: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    Suggested: images of your own.
    Does not help when the data do not fit into memory.
    """

    path: str
    task: Task = "classification"

    def load(self, files: Files, seed: int) -> Data:
        path = files.resolve(self.path)
        arrays = read_npz(path)
        _check_names(path, arrays)
        x, y = _check_inputs(path, "x", arrays["x"]), arrays["y"]
        test_x, test_y = arrays.get("test_x"), arrays.get("test_y")
        if test_x is not None:
            _check_inputs(path, "test_x", test_x)
            if test_x.shape[1:] != x.shape[1:]:
                raise UsageError(f"{path}: 'test_x' {test_x.shape} and 'x' {x.shape} differ in more than their length")
        if self.task == "regression":
            if "classes" in arrays:
                raise UsageError(f"{path}: 'classes' are given, but the task is regression")
            y = _numbers(path, "y", y, len(x))
            if test_x is not None and test_y is not None:
                test_y = _numbers(path, "test_y", test_y, len(test_x))
                if test_y.shape[1:] != y.shape[1:]:
                    raise UsageError(f"{path}: 'test_y' has {test_y.shape[1]} targets, 'y' has {y.shape[1]}")
            names = [f"y{i}" for i in range(y.shape[1])] if y.shape[1] > 1 else ["y"]
            return Data("regression", x, y, test_x, test_y, targets=names)
        y = _labels(path, "y", y, len(x))
        classes = _class_names(path, y, arrays.get("classes"))
        if test_x is not None and test_y is not None:
            test_y = _labels(path, "test_y", test_y, len(test_x))
            if test_y.max() >= len(classes):
                raise UsageError(f"{path}: class {test_y.max()} of 'test_y' has no samples in 'y'")
        return Data("classification", x, y, test_x, test_y, classes=classes, targets=["y"])

    def user_files(self) -> list[str]:
        return [self.path]


_ALLOWED = ("x", "y", "test_x", "test_y", "classes")


def _check_names(path: Path, arrays: dict[str, Array]) -> None:
    for name in ("x", "y"):
        if name not in arrays:
            near = difflib.get_close_matches(name, [found.lower() for found in arrays], n=1)
            hint = "; names are in lower case" if near else ""
            raise UsageError(f"{path}: no array {name!r}{hint} (found: {', '.join(arrays) or 'none'})")
    for name in arrays:
        if name not in _ALLOWED:
            raise UsageError(f"{path}: array {name!r} has no meaning here (allowed: {', '.join(_ALLOWED)})")
    if ("test_x" in arrays) != ("test_y" in arrays):
        raise UsageError(f"{path}: of 'test_x' and 'test_y' only one is there; give both or none")


def _check_inputs(path: Path, name: str, x: Array) -> Array:
    check_numbers(path, name, x)
    if x.ndim == 3:
        raise UsageError(f"{path}: {name!r} is {x.shape}; give images a last axis of channels: (N, H, W, 1)")
    if x.ndim not in (2, 4):
        raise UsageError(f"{path}: {name!r} is {x.shape}; (N, features) or (N, H, W, channels) is needed")
    if not x.size:
        raise UsageError(f"{path}: {name!r} is empty: {x.shape}")
    return x


def _labels(path: Path, name: str, y: Array, samples: int) -> Array:
    if y.shape != (samples,):
        raise UsageError(f"{path}: {name!r} is {y.shape}; one class number for each sample is needed: ({samples},)")
    if y.dtype.kind not in "iu":
        raise UsageError(f"{path}: {name!r} holds {y.dtype}; classes are whole numbers (or give `task: regression`)")
    if y.min() < 0:
        raise UsageError(f"{path}: {name!r} holds {y.min()}; classes are numbered from 0")
    if y.max() > np.iinfo(np.int64).max:
        raise UsageError(f"{path}: {name!r} holds {y.max()}; classes are numbered from 0 without gaps")
    return y.astype(np.int64)


def _class_names(path: Path, y: Array, names: Array | None) -> list[str]:
    if names is not None and (names.ndim != 1 or names.dtype.kind != "U"):
        raise UsageError(f"{path}: 'classes' is {names.dtype} {names.shape}; a list of texts is needed")
    if names is not None and len(set(names.tolist())) != len(names):
        raise UsageError(f"{path}: two of the 'classes' have the same name")
    present = np.unique(y)
    count = int(present[-1]) + 1 if names is None else len(names)
    if present[-1] >= count:
        raise UsageError(f"{path}: 'y' holds class {present[-1]}, but 'classes' has {count} names, numbered from 0")
    if count < 2:
        raise UsageError(f"{path}: 'y' holds one class; at least 2 are needed")
    if len(present) < count:
        # The first number that the sorted ones skip; `present` itself where the last ones are absent.
        gaps = np.flatnonzero(present != np.arange(len(present)))
        absent = int(gaps[0]) if len(gaps) else len(present)
        raise UsageError(f"{path}: class {absent if names is None else names[absent]} has no samples in 'y'")
    return [str(i) for i in range(count)] if names is None else [str(name) for name in names]


def _numbers(path: Path, name: str, y: Array, samples: int) -> Array:
    check_numbers(path, name, y)
    if y.ndim not in (1, 2) or len(y) != samples or not y.size:
        raise UsageError(f"{path}: {name!r} is {y.shape}; ({samples},) or ({samples}, targets) is needed")
    return y.astype(np.float64).reshape(samples, -1)
