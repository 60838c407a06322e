"""Rows of results as a table for people, Markdown, CSV or JSON, all of the same values."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dltricks.cli.options import Format
from dltricks.cli.output import inert, quieten, write

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]

PIPE_WIDTH = 100
"""Columns where there is no terminal to ask, and no $COLUMNS."""
_NARROWEST = 8
"""Columns to which a text is broken at most."""
_GAP = 3
"""Columns between two columns of a table."""


def console(*, stderr: bool = False) -> Console:
    """A terminal that respects NO_COLOR, FORCE_COLOR, pipes and narrow windows."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:  # rich would end the process
            quieten(self.file)

    width = None if (sys.stderr if stderr else sys.stdout).isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Screen(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def spell(value: Any) -> str:
    """A value for people: four decimals or digits, lists in brackets, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}" if value == 0 or 0.01 <= abs(value) < 1000 else f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return inert(value)


def print_rows(
    rows: Sequence[Row],
    format: Format,
    *,
    title: str = "",
    total: Row | None = None,
    style: Callable[[str, str], str] | None = None,
) -> None:
    """Prints rows that share their keys; ``total`` is a last row set apart from the others.

    ``style`` says how rich shows the text of a cell in a column to people.
    """
    everything = [*rows, *([total] if total else [])]
    columns = list(dict.fromkeys(key for row in everything for key in row))
    if format is Format.json:
        print_json(everything)
    elif format is Format.csv:
        write(_csv(everything, columns), end="")
    elif format is Format.markdown:
        write(_markdown(everything, columns))
    elif format is Format.latex:
        write(_latex(everything, columns))
    else:
        _table(rows, columns, title, total, style)


def print_lines(lines: Sequence[str], format: Format) -> None:
    """Prints what is said beside a table, in its format: a list of markdown, comments of LaTeX."""
    if format is Format.markdown:
        write("\n".join(f"- {_MARKUP.sub(_ESCAPED, inert(line))}" for line in lines))
    else:
        write("\n".join("% " + _for_latex(inert(line)) for line in lines))


_MARKUP, _ESCAPED = re.compile(r"([\\`*\[\]<>|])"), r"\\\1"


def print_json(value: Any) -> None:
    """One JSON value, numbers unrounded; what is not finite becomes null, which JSON has instead.

    Only ASCII, so that it is JSON in whatever encoding, and holds nothing that a terminal obeys.
    """
    write(json.dumps(_finite(value), indent=2, allow_nan=False).replace("\x7f", "\\u007f"))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_harmless(column) for column in columns])
    writer.writerows([_harmless(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    # A spreadsheet runs a text that begins so as a formula; a number, as in a class named -1, it only reads.
    formula = value.lstrip().startswith(("=", "+", "-", "@")) and not _NUMBER.fullmatch(value)
    return "'" + inert(value) if formula else inert(value)


def _markdown(rows: Sequence[Row], columns: Sequence[str]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(_MARKUP.sub(_ESCAPED, cell) for cell in cells) + " |"

    body = [line([spell(row.get(column)) for column in columns]) for row in rows]
    rule = ["---:" if _numeric(rows, column) else "---" for column in columns]
    return "\n".join([line([inert(c) for c in columns]), "| " + " | ".join(rule) + " |", *body])


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def _for_latex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in text)


def _latex(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """A tabular with the rules of booktabs."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(map(_for_latex, cells)) + r" \\"

    body = [line([spell(row.get(column)) for column in columns]) for row in rows]
    sides = "".join("r" if _numeric(rows, column) else "l" for column in columns)
    head = [rf"\begin{{tabular}}{{{sides}}}", r"\toprule", line([inert(c) for c in columns]), r"\midrule"]
    return "\n".join([*head, *body, r"\bottomrule", r"\end{tabular}"])


def _table(
    rows: Sequence[Row],
    columns: Sequence[str],
    title: str,
    total: Row | None,
    style: Callable[[str, str], str] | None,
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    body = [*rows, *([total] if total else [])]
    longest = {column: max((len(spell(row.get(column))) for row in body), default=0) for column in columns}
    numeric = {column: _numeric(rows, column) for column in columns}
    whole = {column: numeric[column] or _measured(rows, column) for column in columns}
    screen = console()
    gaps = _GAP * (len(columns) - 1)
    tight = sum(max(len(inert(column)), longest[column]) for column in columns) + gaps > screen.width
    if tight:
        # Headings and texts are broken, numbers never; and what does not fit even so is left to the terminal.
        needed = sum(width if whole[column] else min(width, _NARROWEST) for column, width in longest.items())
        screen.width = max(screen.width, needed + gaps)
    # What texts leave over is for the headings of numbers.
    spare = max(0, screen.width - gaps - sum(longest.values())) // max(1, sum(numeric.values()))
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(
            Text(inert(column)),
            justify="right" if numeric[column] else "left",
            overflow="fold",
            width=longest[column] + (spare if numeric[column] else 0) if tight and whole[column] else None,
        )
    for row in body:
        if row is total:
            table.add_section()
        cells = {column: spell(row.get(column)) for column in columns}
        table.add_row(*(Text(cell, style(column, cell) if style else "") for column, cell in cells.items()))
    if title:
        screen.print(Text(inert(title)), style="bold")
    screen.print(table)


def _measured(rows: Sequence[Row], column: str) -> bool:
    """Whether a column holds numbers with what they are uncertain by."""
    return any(re.match(r"[-+]?[0-9.]+ ± ", str(row.get(column))) for row in rows)


def _numeric(rows: Sequence[Row], column: str) -> bool:
    return any(isinstance(row.get(column), (int, float)) and not isinstance(row.get(column), bool) for row in rows)
