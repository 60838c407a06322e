"""Tables of text: read, checked cell by cell, and encoded as numbers by what the training file holds."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.core.refusals import refusal
from dltricks.core.types import Array

Categorical = Literal["refuse", "onehot"]
Missing = Literal["refuse", "mean", "drop"]

MOST_CATEGORIES = 1000
"""More different texts in a column than this are names or sentences, not categories."""

_MARKS = frozenset({"na", "n/a", "null", "?"})  # and nan, which is read as a number
_DELIMITERS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}


@dataclass
class Table:
    """Rows of text under named columns, each with its line number in the file."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def cells(self, name: str) -> list[str]:
        at = self.header.index(name)
        return [row[at] for row in self.rows]

    def error(self, row: int, column: str, message: str) -> UsageError:
        return UsageError(f"{self.path}:{self.lines[row]}: column {column!r} {message}")


def read_table(path: Path, delimiter: str) -> Table:
    """A CSV file in UTF-8, with or without a byte-order mark; its first line names the columns.

    White space around a cell is no part of it; empty lines are passed over.

    Raises:
        UsageError: not UTF-8, empty, unnamed or twice-named columns, or a row of another length.
        FileSystemError: unreadable.
    """
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageError(f"delimiter {delimiter!r}: one character such as ',' or ';' is needed")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise refusal(path, error) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines, line = [], [], 1
    try:
        for row in reader:
            if row:
                rows.append([cell.strip() for cell in row])
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{path}:{line}: {error}; is a quotation mark left open?") from error
    if not rows:
        raise UsageError(f"{path} is empty; its first line must name the columns")
    header = rows.pop(0)
    first = lines.pop(0)
    for at, name in enumerate(header):
        if not name:
            raise UsageError(f"{path}:{first}: column {at + 1} has no name")
        if name in header[:at]:
            raise UsageError(f"{path}:{first}: two columns are named {name!r}; rename one")
    for row, number in zip(rows, lines, strict=True):
        if len(row) != len(header):
            raise UsageError(f"{path}:{number}: {len(row)} cells, but the first line names {len(header)} columns")
    if not rows:
        raise UsageError(f"{path} names columns, but no row follows")
    return Table(path, header, rows, lines)


def require(table: Table, name: str, what: str) -> None:
    """Refuses a table without the named column, giving the nearest name.

    Raises:
        UsageError: no such column.
    """
    if name in table.header:
        return
    near = difflib.get_close_matches(name, table.header, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    if len(table.header) == 1:
        for delimiter, spelled in _DELIMITERS.items():
            if delimiter in table.header[0]:
                hint = f"; there is only one column: is the delimiter {spelled}?"
    shown = ", ".join(table.header[:20]) + (", ..." if len(table.header) > 20 else "")
    raise UsageError(f"{table.path}: no column {name!r}, {what}{hint} (columns: {shown})")


def number(cell: str) -> float | None:
    """The number in a cell; NaN where a number is missing, None where the cell is text."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan if not cell or cell.lower() in _MARKS else None
    # Python reads 1_000 and the digits of other scripts as numbers; those who write tables hardly mean that.
    return value if cell.isascii() and "_" not in cell else None


def numbers(table: Table, name: str) -> Array | None:
    """A column as float64 with NaN where values are missing; None for a column of text.

    Raises:
        UsageError: an infinite value, no value at all, or a stray text among numbers.
    """
    cells = table.cells(name)
    values = [number(cell) for cell in cells]
    texts = sum(value is None for value in values)
    real = sum(value is not None and not math.isnan(value) for value in values)
    if not texts and not real:
        raise UsageError(f"{table.path}: column {name!r} has no values; remove it")
    if texts > real:
        return None
    for row, value in enumerate(values):
        if value is None:
            raise table.error(row, name, f"holds {cells[row]!r}, which is no number, while most of the column is")
        if math.isinf(value):
            raise table.error(row, name, f"holds {cells[row]!r}; only finite numbers can be used")
    return np.array(values, np.float64)


@dataclass
class Column:
    """How one column becomes numbers: as it is, or one 0/1 column for each of its categories."""

    name: str
    categories: tuple[str, ...] = ()

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}={category}" for category in self.categories] or [self.name]


@dataclass
class Encoder:
    """Columns as learned from the training file; every later file must fit them."""

    columns: list[Column]
    missing: Missing

    @classmethod
    def learn(cls, table: Table, names: Sequence[str], categorical: Categorical, missing: Missing) -> Encoder:
        """Categories (sorted) of the training file's columns.

        Raises:
            UsageError: text where it is refused, or too many different texts.
        """
        columns = []
        for name in names:
            values = numbers(table, name)
            if values is not None:
                columns.append(Column(name))
                continue
            cells = table.cells(name)
            if categorical == "refuse":
                row = next(row for row, cell in enumerate(cells) if number(cell) is None)
                raise table.error(
                    row,
                    name,
                    f"holds {cells[row]!r}, which is no number; give `categorical: onehot`, or remove it",
                )
            categories = tuple(sorted(set(cells) - {""}))
            if len(categories) > MOST_CATEGORIES:
                raise UsageError(
                    f"{table.path}: column {name!r} holds {len(categories)} different texts, more than the "
                    f"{MOST_CATEGORIES} that onehot makes columns of; remove it"
                )
            columns.append(Column(name, categories))
        return cls(columns, missing)

    @property
    def features(self) -> list[str]:
        return [output for column in self.columns for output in column.outputs]

    def encode(self, table: Table, may_drop: bool = True) -> tuple[Array, Array]:
        """(x, kept): all rows as float64 (N, features), and which of them `missing: drop` keeps.

        With `missing: mean` the gaps stay NaN: means are of the training part, which nobody knows yet.

        Raises:
            UsageError: a missing value that is not handled, a cell of another type, or an unknown category.
        """
        x = np.zeros((len(table.rows), len(self.features)))
        kept = np.ones(len(table.rows), bool)
        at = 0
        for column in self.columns:
            if column.categories:
                absent = self._onehot(table, column, x[:, at : at + len(column.categories)])
            else:
                absent = self._number(table, column, x[:, at])
            at += len(column.outputs)
            if absent.any() and not (self.missing == "mean" and not column.categories):
                if self.missing != "drop" or not may_drop:
                    raise self._unhandled(table, column, int(np.argmax(absent)), may_drop)
                kept &= ~absent
        return x, kept

    def _number(self, table: Table, column: Column, out: Array) -> Array:
        cells = table.cells(column.name)
        for row, cell in enumerate(cells):
            value = number(cell)
            if value is None or math.isinf(value):
                raise table.error(row, column.name, f"holds {cell!r}, where the training file has finite numbers")
            out[row] = value
        return np.isnan(out)

    def _onehot(self, table: Table, column: Column, out: Array) -> Array:
        index = {category: i for i, category in enumerate(column.categories)}
        cells = table.cells(column.name)
        for row, cell in enumerate(cells):
            if cell in index:
                out[row, index[cell]] = 1.0
            elif cell:
                near = difflib.get_close_matches(cell, column.categories, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise table.error(row, column.name, f"holds {cell!r}, which the training file never has{hint}")
        return np.array([not cell for cell in cells])

    def _unhandled(self, table: Table, column: Column, row: int, may_drop: bool) -> UsageError:
        cell = table.cells(column.name)[row]
        found = f"holds {cell!r}, a missing value" if cell else "has no value"
        if not may_drop:
            return table.error(row, column.name, f"{found}; every row must be whole here")
        if column.categories:
            return table.error(row, column.name, f"{found}, and text has no mean; give `missing: drop`, or fill it in")
        return table.error(row, column.name, f"{found}; give `missing: mean` or `missing: drop`, or fill it in")


@dataclass
class TableData(Data):
    """Data from a table, with the encoding that new rows must go through."""

    encoder: Encoder | None = None
