"""``dltricks tricks``: the catalogue, and the card of one trick."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from dltricks.cli.options import Debug, Format, FormatOption, Json, Plugins, chosen
from dltricks.cli.tables import console, inert, print_json, print_rows

NAME = "tricks"


def command(
    name: Annotated[
        str | None, typer.Argument(help="A trick (adam), a kind (optimizer) or both.", show_default=False)
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

    found = tricks(name, plugins=plugin or [])
    format = chosen(format, json)
    cards = [entry for entry in found if isinstance(entry, Card)]
    if cards and format is Format.json:
        print_json([{**vars(card), "source": str(card.source)} for card in cards])
    elif cards:
        for card in cards:
            _show(card, format)
    elif format is Format.table:
        _catalogue([entry for entry in found if not isinstance(entry, Card)])
    else:
        print_rows([entry for entry in found if not isinstance(entry, Card)], format)


def _catalogue(rows: list[dict[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    screen = console()
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    kind = ""
    for row in rows:
        if row["kind"] != kind:
            kind = row["kind"]
            table.add_row(Text(kind, style="bold cyan"), "")
        table.add_row(Text("  " + inert(row["name"])), Text(inert(row["summary"])))
    screen.print(table)
    screen.print("\ndltricks tricks NAME shows a card.", style="dim")


def _reflowed(text: str) -> str:
    """Formulas (the first paragraph) stay as they are; prose becomes one line per paragraph, for the screen to wrap."""
    formula, *prose = text.split("\n\n")
    paragraphs = [re.sub(r"\s*\n\s*(?!Reference:|Suggested:|Does not help)", " ", part) for part in prose]
    return "\n\n".join([formula, *paragraphs])


def _show(card: object, format: Format) -> None:
    from rich.text import Text

    from dltricks.api.tricks import Card

    assert isinstance(card, Card)
    screen = console()
    screen.print(Text(f"{card.kind}: {inert(card.name)}", style="bold cyan"))
    screen.print(Text(inert(card.summary)), style="bold")
    screen.print()
    screen.print(Text(_reflowed("\n".join(inert(line) for line in card.text.splitlines()))))
    if card.fields:
        screen.print()
        print_rows(card.fields, format)
    screen.print(Text(f"source: {inert(card.source)}", style="dim"), soft_wrap=True)
