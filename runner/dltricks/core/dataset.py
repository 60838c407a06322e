"""What a data set hands to the engine, and how a loader finds its files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from dltricks.core.component import Component
from dltricks.core.types import Array

Task = Literal["classification", "regression"]


@dataclass
class Data:
    """A table or a pile of images in its own units; scaling comes later.

    ``x`` is (N, features) or (N, H, W, C) of any real dtype; ``y`` is (N,) class numbers from 0
    (int64) or (N, targets) numbers (float64). The test part has the same shapes but for N.
    """

    task: Task
    x: Array
    y: Array
    test_x: Array | None = None
    test_y: Array | None = None
    classes: Sequence[str] = ()
    """Names of the classes; empty for regression."""
    interval: tuple[float, float] | None = None
    """The smallest and largest value that x can take, where that is known beforehand (pixels)."""
    features: Sequence[str] = ()
    """Names of the columns of a table; empty otherwise."""
    targets: Sequence[str] = ()
    """Names of the target columns."""
    gaps: bool = False
    """Whether x and test_x may hold NaN for what is missing, to be filled in with means of the training part."""


class Files(Protocol):
    """Finds the files of a data set: on disk, or downloaded once and checked."""

    def locate(self, folder: str, name: str, sha256: str, urls: Sequence[str], *, compressed: bool) -> Path:
        """The path of a verified file.

        ``sha256`` is of the uncompressed content where ``compressed``; the file may lie as ``name`` or ``name.gz``.
        """
        ...

    def resolve(self, path: str) -> Path:
        """The path of a user's file, relative to the experiment file's folder, then the current one."""
        ...


class Dataset(Component):
    """A named source of data. ``load`` is called once per process and data seed."""

    kind = "dataset"
    task: Task = "classification"
    generated: ClassVar[bool] = False
    """Whether the data come from a random generator and so depend on the seed of purpose ``data``."""

    @abstractmethod
    def load(self, files: Files, seed: int) -> Data:
        """Reads or generates the data.

        Raises:
            UsageError: a path, column or value that the user must mend.
            DamagedError: content that does not match its checksum or format.
        """

    def user_files(self) -> list[str]:
        """Paths of the user's own files, whose content is part of a run's identity."""
        return []

    def predict_inputs(self, path: Path, data: Data) -> Array:
        """Reads new inputs for a trained model from a file of this data set's form, as ``x`` above.

        The default reads an array of that shape from .npy, or ``x`` of an .npz.
        """
        from dltricks.core.inputs import read_array_inputs

        return read_array_inputs(path, data.x.shape[1:])
