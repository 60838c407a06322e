"""A laboratory for deep-learning training tricks.

Every command of the command line has a function of the same name here::

    import dltricks

    runs = dltricks.train("experiment.yaml", dropout=0.5)
    runs[0].metrics["val_accuracy"]  # one value per epoch, a NumPy array
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dltricks import blas

__version__ = "0.1.0"

_FUNCTIONS = ("average", "check", "evaluate", "init", "lr_find", "predict", "schema", "train", "tricks")

__all__ = ["__version__", *_FUNCTIONS]  # noqa: PLE0604

blas.choose_kernels()


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(import_module(f"dltricks.api.{name}"), name)
    raise AttributeError(f"module 'dltricks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
