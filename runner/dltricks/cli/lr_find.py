"""``dltricks lr-find``: a learning-rate range test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dltricks.cli.options import (
    DataDir,
    Debug,
    File,
    Format,
    FormatOption,
    Json,
    Overrides,
    Plugins,
    Quiet,
    Threads,
    chosen,
)

if TYPE_CHECKING:
    from dltricks.api.lr_find import RangeTest

NAME = "lr-find"
HEIGHT = 12
"""Rows of the curve."""


def command(
    file: File,
    overrides: Overrides = None,
    low: Annotated[float, typer.Option("--low", metavar="LR", help="First learning rate.")] = 1e-6,
    high: Annotated[float, typer.Option("--high", metavar="LR", help="Last learning rate.")] = 10.0,
    steps: Annotated[int, typer.Option("--steps", metavar="N", help="Steps from the first to the last.")] = 200,
    data_dir: DataDir = None,
    plugin: Plugins = None,
    threads: Threads = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Suggest a learning rate by a range test; write nothing."""
    from dltricks.api.lr_find import lr_find
    from dltricks.cli.output import say, write
    from dltricks.cli.tables import console, print_json, print_rows

    found = lr_find(
        file,
        overrides or [],
        low=low,
        high=high,
        steps=steps,
        data_dir=data_dir,
        plugins=plugin or [],
        threads=threads,
        quiet=quiet,
    )
    format = chosen(format, json)
    rows = [
        {"lr": float(rate), "loss": float(loss), "smoothed": float(smoothed)}
        for rate, loss, smoothed in zip(found.rates, found.losses, found.smoothed, strict=True)
    ]
    if format is Format.json:
        print_json({"suggestion": found.suggestion, "curve": rows})
        return
    if format is Format.table:
        screen = console()
        write(curve(found, min(screen.width - 1, 100), plain=not screen.encoding.startswith("utf")))
    else:
        print_rows(rows, format)
    if found.suggestion is None:
        say("no suggestion: the loss never fell; try another range with --low and --high")
    elif format is Format.table:
        write(f"\nsuggestion: optimizer.lr={found.suggestion:.2g} (where the smoothed loss falls fastest)")


def curve(found: RangeTest, width: int, *, plain: bool = False) -> str:
    """The smoothed loss over the logarithm of the rate, as text; an arrow below marks the suggestion."""
    import numpy as np

    dot, side, corner, floor, tick, arrow = "*|+-+^" if plain else "●│└─┴▲"
    finite = np.isfinite(found.smoothed)
    if not finite.any():
        return "the loss is not finite from the first step on"
    losses = np.where(finite, found.smoothed, found.smoothed[finite].max())
    places = np.log10(found.rates)
    margin = 9
    across = np.linspace(places[0], places[-1], max(2, width - margin - 2))
    heights = np.interp(across, places, losses)
    low, high = float(losses.min()), float(losses.max())
    levels = np.round((heights - low) / ((high - low) or 1.0) * (HEIGHT - 1)).astype(int)
    lines = []
    for level in range(HEIGHT - 1, -1, -1):
        label = f"{low + (high - low) * level / (HEIGHT - 1):.3g}" if level in (HEIGHT - 1, 0) else ""
        points = "".join(dot if level == value else " " for value in levels)
        lines.append(f"{'loss' if level == HEIGHT // 2 else label:>{margin}} {side}{points}".rstrip())
    axis, names = [floor] * len(across), [" "] * len(across)
    for power in range(int(np.ceil(places[0] - 1e-9)), int(np.floor(places[-1] + 1e-9)) + 1):
        column = int(np.abs(across - power).argmin())
        axis[column] = tick
        name = f"1e{power}"
        begin = min(column, len(across) - len(name))
        if "".join(names[max(0, begin - 1) : begin + len(name) + 1]).isspace():
            names[begin : begin + len(name)] = name
    lines += [f"{'':>{margin}} {corner}{''.join(axis)}", f"{'lr':>{margin}}  {''.join(names)}".rstrip()]
    if found.suggestion is not None:
        column = int(np.abs(across - np.log10(found.suggestion)).argmin())
        lines.append(f"{'':>{margin}}  {' ' * column}{arrow}")
    return "\n".join(lines)
