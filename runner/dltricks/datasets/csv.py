"""Any table in a CSV file: numbers and categories, one target column."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Len

from dltricks.core.dataset import Data, Dataset, Files, Task
from dltricks.core.errors import UsageError
from dltricks.core.table import (
    Categorical,
    Encoder,
    Missing,
    Table,
    TableData,
    number,
    numbers,
    read_table,
    require,
)
from dltricks.core.types import Array


@dataclass
class Csv(Dataset):
    """x[i] <- the numbers of row i, categories as one 0/1 column each        y[i] <- its target

    ``path`` is relative to the experiment file. The first line names the columns; every column but ``target``
    is an input. ``test`` is a second file with the same columns. Text is refused unless ``categorical`` is
    onehot; an empty cell (or NA, NaN, null, ? among numbers) is refused unless ``missing`` says to fill in
    the column's mean or to drop the row. Means are those of the training part. Categories and classes are a
    vocabulary, and come from the file at ``path`` as a whole, the validation part included. Classes are in
    alphabetical order, by size if all are numbers.

    Reference: https://www.rfc-editor.org/rfc/rfc4180
    Suggested: with ``scaling: standardize``.
    Does not help when a column is an identifier: remove it first.
    """

    path: str
    target: str
    task: Task = "classification"
    delimiter: Annotated[str, Len(1, 1)] = ","
    test: str | None = None
    categorical: Categorical = "refuse"
    missing: Missing = "refuse"

    def load(self, files: Files, seed: int) -> Data:
        table = read_table(files.resolve(self.path), self.delimiter)
        require(table, self.target, "the target")
        features = [name for name in table.header if name != self.target]
        if not features:
            raise UsageError(f"{table.path}: {self.target!r} is the only column; inputs are needed beside the target")
        encoder = Encoder.learn(table, features, self.categorical, self.missing)
        classes = self._classes(table) if self.task == "classification" else []
        x, y = self._part(table, encoder, classes)
        self._check_counts(table, y, classes)
        test_x = test_y = None
        if self.test is not None:
            test_table = read_table(files.resolve(self.test), self.delimiter)
            require(test_table, self.target, "the target")
            self._check_columns(test_table, features)
            test_x, test_y = self._part(test_table, encoder, classes)
        return TableData(
            task=self.task,
            x=x,
            y=y,
            test_x=test_x,
            test_y=test_y,
            classes=classes,
            features=encoder.features,
            targets=[self.target],
            gaps=self.missing == "mean",
            encoder=encoder,
        )

    def user_files(self) -> list[str]:
        return [self.path] if self.test is None else [self.path, self.test]

    def predict_inputs(self, path: Path, data: Data) -> Array:
        """Inputs from a file with the training file's columns; the target may be there and is not read."""
        if not isinstance(data, TableData) or data.encoder is None:
            raise TypeError("data must come from load()")
        table = read_table(path, self.delimiter)
        self._check_columns(table, [column.name for column in data.encoder.columns])
        return data.encoder.encode(table, may_drop=False)[0]

    def _check_columns(self, table: Table, features: list[str]) -> None:
        for name in features:
            require(table, name, "which the training file has")
        for name in table.header:
            if name not in features and name != self.target:
                raise UsageError(f"{table.path}: the training file has no column {name!r}; remove it")

    def _part(self, table: Table, encoder: Encoder, classes: list[str]) -> tuple[Array, Array]:
        x, kept = encoder.encode(table)
        cells = table.cells(self.target)
        if self.task == "regression":
            values = numbers(table, self.target)
            if values is None:
                row = next(row for row, cell in enumerate(cells) if number(cell) is None)
                raise table.error(row, self.target, f"holds {cells[row]!r}; regression needs numbers")
            absent, y = np.isnan(values), values[:, np.newaxis]
        else:
            absent = np.array([self._label_missing(cell, classes) for cell in cells])
            index = {name: i for i, name in enumerate(classes)}
            for row, cell in enumerate(cells):
                if not absent[row] and cell not in index:
                    near = difflib.get_close_matches(cell, classes, n=1)
                    hint = f"; did you mean {near[0]!r}?" if near else ""
                    raise table.error(row, self.target, f"holds {cell!r}, a class without training samples{hint}")
            y = np.array([index.get(cell, -1) for cell in cells], np.int64)
        if absent.any() and self.missing != "drop":
            row = int(np.argmax(absent))
            raise table.error(row, self.target, "has no value, and a target cannot be made up; give `missing: drop`")
        kept &= ~absent
        if not kept.any():
            raise UsageError(f"{table.path}: every row has a missing value, so `missing: drop` leaves none")
        return (x, y) if kept.all() else (x[kept], y[kept])

    def _classes(self, table: Table) -> list[str]:
        """The names of the classes in the order of their numbers."""
        labels = set(table.cells(self.target)) - {""}
        sizes = {label: number(label) for label in labels}
        if any(size is None for size in sizes.values()):
            return sorted(labels)
        # Among numbers, NA and its like mark what is missing.
        by_size: dict[float, str] = {}
        for label, size in sorted(sizes.items()):
            if size is None or math.isnan(size):
                continue
            if size in by_size:
                raise UsageError(
                    f"{table.path}: {self.target!r} writes one number as {by_size[size]!r} and as {label!r}"
                )
            by_size[size] = label
        return [by_size[size] for size in sorted(by_size)]

    @staticmethod
    def _label_missing(cell: str, classes: list[str]) -> bool:
        size = number(cell)
        return not cell or (size is not None and math.isnan(size) and cell not in classes)

    def _check_counts(self, table: Table, y: Array, classes: list[str]) -> None:
        if self.task == "regression":
            return
        if len(classes) < 2:
            raise UsageError(f"{table.path}: column {self.target!r} holds {len(classes)} class; at least 2 are needed")
        counts = np.bincount(y, minlength=len(classes))
        if not counts.all():
            name = classes[int(np.argmin(counts))]
            raise UsageError(f"{table.path}: class {name!r} has no samples left after `missing: drop`")
        if counts.max() == 1 and all(number(name) is not None for name in classes):
            raise UsageError(
                f"{table.path}: no value of {self.target!r} occurs twice, so its classes cannot be learned; "
                "numbers are learned with `task: regression`"
            )
