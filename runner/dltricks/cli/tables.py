"""Rows of results as a table for people, Markdown, CSV or JSON, all of the same values."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from dltricks.cli.options import Format

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]


def console(*, stderr: bool = False) -> Console:
    """A terminal that respects NO_COLOR, FORCE_COLOR, pipes and narrow windows."""
    from rich.console import Console

    width = None if (sys.stderr if stderr else sys.stdout).isatty() or "COLUMNS" in os.environ else 100
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def inert(value: Any) -> str:
    """Text that no terminal obeys: control characters are shown, not sent."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))


def spell(value: Any) -> str:
    """A value for people: four significant digits, lists in brackets, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return inert(value)


def print_rows(rows: Sequence[Row], format: Format, *, title: str = "", total: Row | None = None) -> None:
    """Prints rows that share their keys; ``total`` is a last row set apart from the others."""
    everything = [*rows, *([total] if total else [])]
    columns = list(dict.fromkeys(key for row in everything for key in row))
    if format is Format.json:
        print_json(everything)
    elif format is Format.csv:
        typer.echo(_csv(everything, columns), nl=False)
    elif format is Format.markdown:
        typer.echo(_markdown(everything, columns))
    else:
        _table(rows, columns, title, total)


def print_json(value: Any) -> None:
    """One JSON value, numbers unrounded."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_harmless(column) for column in columns])
    writer.writerows([_harmless(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    # A spreadsheet runs a text that begins so as a formula.
    if isinstance(value, str):
        return "'" + inert(value) if value.startswith(("=", "+", "-", "@", "\t", "\r")) else inert(value)
    return "" if value is None else value


def _markdown(rows: Sequence[Row], columns: Sequence[str]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"

    body = [line([spell(row.get(column)) for column in columns]) for row in rows]
    rule = ["---:" if _numeric(rows, column) else "---" for column in columns]
    return "\n".join([line([inert(c) for c in columns]), "| " + " | ".join(rule) + " |", *body])


def _table(rows: Sequence[Row], columns: Sequence[str], title: str, total: Row | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", title_style="bold")
    for column in columns:
        numeric = _numeric(rows, column)
        table.add_column(Text(inert(column)), justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for row in rows:
        table.add_row(*(Text(spell(row.get(column))) for column in columns))
    if total:
        table.add_section()
        table.add_row(*(Text(spell(total.get(column))) for column in columns))
    console().print(table)


def _numeric(rows: Sequence[Row], column: str) -> bool:
    return any(isinstance(row.get(column), (int, float)) and not isinstance(row.get(column), bool) for row in rows)
