"""Rows of results as a table for people, Markdown, CSV or JSON, all of the same values."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
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
_GAP, _SMALL_GAP = 3, 2
"""Columns between two columns of a table, and where room is short."""


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
    cells = {column: [spell(row.get(column)) for row in body] for column in columns}
    numeric = {column: _numeric(rows, column) for column in columns}
    screen = console()
    natural = sum(max(len(inert(column)), *map(len, texts)) for column, texts in cells.items())
    gap = _GAP
    widths: dict[str, int] = {}
    if natural + _GAP * (len(columns) - 1) > screen.width:
        whole = {column for column in columns if numeric[column] or _measured(rows, column)}
        gap, widths = _fitted(cells, whole, screen.width)
        # What does not fit even so is left to the terminal.
        screen.width = max(screen.width, sum(widths.values()) + gap * (len(columns) - 1))
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, gap - 2))
    for column in columns:
        table.add_column(
            Text(_heading(column, widths[column]) if widths else inert(column)),
            justify="right" if numeric[column] else "left",
            overflow="fold",
            width=widths.get(column),
        )
    for row in body:
        if row is total:
            table.add_section()
        said = {column: spell(row.get(column)) for column in columns}
        table.add_row(*(Text(cell, style(column, cell) if style else "") for column, cell in said.items()))
    if title:
        screen.print(Text(inert(title)), style="bold")
    screen.print(table)


def _fitted(cells: Mapping[str, Sequence[str]], whole: Collection[str], room: int) -> tuple[int, dict[str, int]]:
    """The gap between columns and their widths, for a table that is too wide for the window.

    Texts and headings are broken, between words as long as that is enough; numbers, in the columns ``whole``, never.
    """
    longest = {column: max(map(len, texts)) for column, texts in cells.items()}
    words = {column: max(_longest(text.split()) for text in texts) for column, texts in cells.items()}
    pieces = {column: max(words[column], _longest(_pieces(inert(column)))) for column in cells}
    headings = {column: _longest(inert(column).split()) for column in cells}
    widths = {column: width if column in whole else min(width, _NARROWEST) for column, width in longest.items()}
    gaps = len(cells) - 1
    gap = _GAP if sum(max(widths[column], pieces[column]) for column in cells) + _GAP * gaps <= room else _SMALL_GAP
    room -= gap * gaps
    # What matters most comes first.
    _widen(widths, words, room)
    _spread(widths, pieces, room)
    _widen(widths, headings, room)
    _widen(widths, longest, room)
    _spread(widths, longest, room)
    return gap, widths


def _widen(widths: dict[str, int], wanted: Mapping[str, int], room: int) -> None:
    """Gives columns what they want, those first that want least, while all of it is there."""
    for column in sorted(widths, key=lambda column: wanted[column] - widths[column]):
        if sum(widths.values()) - widths[column] + wanted[column] <= room:
            widths[column] = max(widths[column], wanted[column])


def _spread(widths: dict[str, int], wanted: Mapping[str, int], room: int) -> None:
    """Gives all room to those columns that want more, the narrowest first."""
    for _ in range(room - sum(widths.values())):
        lacking = [column for column in widths if widths[column] < wanted[column]]
        if lacking:
            widths[min(lacking, key=lambda column: widths[column])] += 1


def _heading(column: str, width: int) -> str:
    """A heading, broken where words are joined if it must be."""
    lines = [""]
    for word in inert(column).split():
        for number, piece in enumerate([word] if len(word) <= width else _pieces(word)):
            joined = lines[-1] + " " * (number == 0 and bool(lines[-1])) + piece
            lines = [*lines[:-1], joined] if len(joined) <= width else [*lines, piece]
    return "\n".join(line for line in lines if line)


def _pieces(text: str) -> list[str]:
    """Words, and what they are joined of: val_ accuracy, optimizer .lr."""
    return re.findall(r"[^\s_.]+_*|[._]+[^\s_.]*_*", text)


def _longest(texts: Sequence[str]) -> int:
    return max(map(len, texts), default=0)


def _measured(rows: Sequence[Row], column: str) -> bool:
    """Whether a column holds numbers with what they are uncertain by."""
    return any(re.match(r"[-+]?[0-9.]+ ± ", str(row.get(column))) for row in rows)


def _numeric(rows: Sequence[Row], column: str) -> bool:
    return any(isinstance(row.get(column), (int, float)) and not isinstance(row.get(column), bool) for row in rows)
