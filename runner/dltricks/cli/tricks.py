"""``dltricks tricks``: the catalogue, and the card of one trick."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltricks.cli.options import Debug, Format, FormatOption, Json, Plugins, chosen

if TYPE_CHECKING:
    from dltricks.api.tricks import Card

NAME = "tricks"


def _complete(incomplete: str) -> list[str]:
    from dltricks.core import registry

    names = {*registry.KINDS, *(trick for kind in registry.KINDS for trick in registry.names(kind))}
    return sorted(name for name in names if name.startswith(incomplete))


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A trick (adam), a kind (optimizer), or both (optimizer.adam).",
            show_default=False,
            autocompletion=_complete,
        ),
    ] = None,
    plugin: Plugins = None,
    format: FormatOption = Format.table,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List all tricks by kind, or show the card of one.

    A card holds formula, reference, hyperparameters with defaults and bounds, and the source file.
    """
    from dltricks.api.tricks import Card, tricks
    from dltricks.cli.tables import print_json, print_rows

    found = tricks(name, plugins=plugin or [])
    format = chosen(format, json)
    cards = [entry for entry in found if isinstance(entry, Card)]
    rows = [entry for entry in found if not isinstance(entry, Card)]
    if not cards and format is Format.table:
        _catalogue(rows)
    elif not cards:
        print_rows(rows, format)
    elif format is Format.json:
        print_json([{**vars(card), "source": str(card.source)} for card in cards])
    elif format is Format.csv:
        fields = [{"kind": card.kind, "name": card.name, **field} for card in cards for field in card.fields]
        print_rows(fields, format)
    else:
        for number, card in enumerate(cards):
            _show(card, format, first=not number)


def _catalogue(rows: list[dict[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from dltricks.cli.output import inert
    from dltricks.cli.tables import console

    screen = console()
    width = max(len(row["name"]) for row in rows)
    for kind in dict.fromkeys(row["kind"] for row in rows):
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(no_wrap=True, min_width=width + 2)
        table.add_column(overflow="fold")
        for row in rows:
            if row["kind"] == kind:
                table.add_row(Text("  " + inert(row["name"])), Text(inert(row["summary"])))
        screen.print(Text(kind, style="bold cyan"))
        screen.print(table)
    screen.print("\ndltricks tricks NAME shows a card.", style="dim")


def _show(card: Card, format: Format, *, first: bool) -> None:
    from rich.text import Text

    from dltricks.cli.output import inert
    from dltricks.cli.tables import console, print_rows

    screen = console()
    if not first:
        screen.print()
    screen.print(Text(f"{card.kind}: {inert(card.name)}", style="bold cyan"))
    screen.print(Text(inert(card.summary)), style="bold")
    screen.print()
    screen.print(Text(reflowed("\n".join(inert(line) for line in card.text.splitlines()))))
    if card.fields:
        screen.print()
        # Defaults exactly as a file would hold them: a card is no place to round.
        rows = [{**field, "default": _exactly(field["default"])} for field in card.fields]
        explained = any(row["meaning"] for row in rows)
        print_rows(rows if explained else [_without(row, "meaning") for row in rows], format)
    screen.print()
    screen.print(Text(f"source: {inert(card.source)}", style="dim"), soft_wrap=True)


def _exactly(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (bool, int, float, list)) else value


def _without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def reflowed(text: str) -> str:
    """Formulas (the first paragraph) stay as they are; prose becomes one line per paragraph, for the screen to wrap."""
    formula, *prose = text.split("\n\n")
    # One backtick, as everywhere on a terminal, where the docstring has two.
    paragraphs = [re.sub(r"\s*\n\s*(?!Reference:|Suggested:|Does not help|Deviation:|- )", " ", part) for part in prose]
    return "\n\n".join([formula, *paragraphs]).replace("``", "`")
