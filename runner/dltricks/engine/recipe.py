"""One run as objects: what the experiment file resolves to and the engine trains."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from dltricks.core.activation import Activation
from dltricks.core.architecture import Architecture
from dltricks.core.augmentation import Augmentation
from dltricks.core.averager import Averager
from dltricks.core.clipper import Clipper
from dltricks.core.dataset import Dataset
from dltricks.core.dropout import Dropout
from dltricks.core.initializer import Initializer
from dltricks.core.loss import Loss
from dltricks.core.normalization import Normalization
from dltricks.core.optimizer import Optimizer
from dltricks.core.penalty import Penalty
from dltricks.core.scaling import Scaling
from dltricks.core.schedule import Schedule
from dltricks.core.stopper import Stopper


@dataclass(frozen=True)
class Seeds:
    """One seed for each purpose; see ``engine.streams`` for what each drives."""

    init: int = 0
    order: int = 0
    dropout: int = 0
    augment: int = 0
    split: int = 0
    data: int = 0

    @classmethod
    def all(cls, seed: int) -> Seeds:
        """The same seed for every purpose."""
        return cls(**{field.name: seed for field in fields(cls)})


@dataclass(frozen=True)
class Recipe:
    """The tricks and numbers of one run. All components hold plain numbers; stacking comes in the engine."""

    dataset: Dataset
    scaling: Scaling
    augmentation: tuple[Augmentation, ...]
    """In the order in which they are applied."""
    architecture: Architecture
    activation: Activation
    initializer: Initializer
    normalization: Normalization
    dropout: Dropout
    loss: Loss
    optimizer: Optimizer
    penalty: Penalty
    clipping: Clipper
    schedule: Schedule
    early_stopping: Stopper
    averaging: Averager
    epochs: int = 20
    batch_size: int | Literal["full"] = 32
    validation: float | Literal["test"] = 0.1
    limit: int | None = None
    dtype: Literal["float32", "float64"] = "float32"
    kernels: Literal["numpy", "compiled"] = "numpy"
    monitor: Literal["none", "layers"] = "none"
    seeds: Seeds = Seeds()
