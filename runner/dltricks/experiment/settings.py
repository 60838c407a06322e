"""The keys of an experiment file: all of them by name, and in full those that are not tricks."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from dltricks.core import registry
from dltricks.core.registry import KINDS
from dltricks.core.types import Positive, Rate, Size
from dltricks.experiment.document import Where, describe
from dltricks.experiment.scalars import LARGEST, read_scalar, write_scalar

Seed = Annotated[int, Ge(0), Le(LARGEST)]
TUNING_SEEDS = 1_000_000
"""The first of the seeds that are kept for tuning."""


@dataclass
class Settings:
    """Numbers and switches of a training; checked like the fields of a trick."""

    epochs: Size = 20
    """Passes over the training samples."""
    batch_size: Size | Literal["full"] = 32
    """Samples per step; `full` takes all of them, which is classical gradient descent."""
    validation: Rate | Literal["test"] = 0.1
    """Share of the samples that is kept out of training, in each class; `test` validates on the test part."""
    limit: Size | None = None
    """Number of training samples to use, stratified by class; `none` uses all."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of parameters and arithmetic."""
    kernels: Literal["numpy", "compiled"] = "numpy"
    """What computes convolutions, pools and batch normalization of images: NumPy, or kernels compiled by numba, which
    are several times faster and need the extra `dltricks[fast]`. Results differ by rounding."""
    monitor: Literal["none", "layers"] = "none"
    """`layers` records statistics of each layer's activations and gradients in each epoch."""
    checkpoint_seconds: Positive = 30.0
    """Seconds between checkpoints. Not part of what identifies a run."""


@dataclass
class SeedKeys:
    """The seed of each purpose, where `seed` is a mapping; a missing one is 0."""

    init: Seed = 0
    """First weights."""
    order: Seed = 0
    """Order of samples in each epoch."""
    dropout: Seed = 0
    """Dropout masks."""
    augment: Seed = 0
    """Augmentation."""
    split: Seed = 0
    """Which samples validate, and which are used under `limit`."""
    data: Seed = 0
    """Generated data sets."""


KEYS = (
    "name",
    *KINDS,
    *(field.name for field in fields(Settings)),
    "seed",
    "expect",
    "plugins",
)
"""Every key that one run has, in the order of config.yaml."""
STUDY_KEYS = ("seeds", "sweep", "tune", "margin", "baseline")
"""The further keys of an experiment file, which describe several runs; ``experiment.study`` reads them."""

METRICS = tuple(f"{part}_{metric}" for part in ("train", "val", "test") for metric in ("loss", "accuracy", "rmse"))
"""The metrics that a file can expect something of."""

_OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
COMPARISON = r"(>=|<=|>|<)\s*([-+]?[0-9.][-+0-9.eE]*)"


@dataclass(frozen=True)
class Comparison:
    """What ``expect`` asks of a metric, such as ``>= 0.95``."""

    relation: str
    bound: float

    def met(self, value: float) -> bool:
        """Whether a value satisfies it; NaN satisfies nothing."""
        return not math.isnan(value) and bool(_OPERATORS[self.relation](value, self.bound))

    def __str__(self) -> str:
        return f"{self.relation} {write_scalar(self.bound)}"

    @classmethod
    def parse(cls, text: str) -> Comparison | None:
        """Reads ``>= 0.95``; None where it is no comparison with a number.

        Raises:
            ValueError: a number that an experiment file refuses; the message says why.
        """
        match = re.fullmatch(COMPARISON, text.strip())
        number = read_scalar(match[2]) if match else None
        if match is None or isinstance(number, str) or number is None:
            return None
        return cls(match[1], float(number))


def read_expect(value: Any, problem: Callable[[Where, str], None]) -> dict[str, Comparison]:
    """What stands under ``expect``, by metric; ``problem`` hears of each part that is wrong, which is left out."""
    result: dict[str, Comparison] = {}
    if not isinstance(value, dict):
        problem(("expect",), f'found {describe(value)}, allowed: a mapping such as {{val_accuracy: ">= 0.95"}}')
        return result
    for metric, text in value.items():
        if metric not in METRICS:
            problem(("expect", metric), registry.unknown("metric", metric, list(METRICS)))
            continue
        try:
            comparison = Comparison.parse(text) if isinstance(text, str) else None
        except ValueError as error:
            problem(("expect", metric), str(error))
            continue
        if comparison is None:
            message = f'found {describe(text)}, allowed: a comparison with a number, such as ">= 0.95"'
            problem(("expect", metric), message)
        else:
            result[metric] = comparison
    return result
