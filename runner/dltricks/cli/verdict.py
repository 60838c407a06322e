"""``dltricks verdict``: does one variant help, compared with another?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import (
    At,
    Baseline,
    Confidence,
    Debug,
    Format,
    FormatOption,
    Json,
    Margin,
    Metric,
    RunsDir,
    chosen,
)

NAME = "verdict"
_HELP = "Runs that differ only in seed: their folder or a pattern, or an arm of a study, such as dropout=0.5."


def command(
    a: Annotated[str, typer.Argument(metavar="A", help=_HELP, show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise.", show_default=False)],
    runs_dir: RunsDir = Path("runs"),
    metric: Metric = None,
    at: At = "last",
    baseline: Baseline = None,
    margin: Margin = None,
    confidence: Confidence = 0.95,
    format: FormatOption = Format.table,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say in two sentences whether one of two variants helps."""
    from dltricks.api.verdict import verdict
    from dltricks.cli.comparison_json import json_row
    from dltricks.cli.output import inert, say
    from dltricks.cli.tables import console, print_json, print_rows

    found = verdict(
        a, b, runs_dir=runs_dir, metric=metric, at=at, baseline=baseline, margin=margin, confidence=confidence
    )
    format = chosen(format, json)
    if format is not Format.json:
        for note in found.comparison.notes:
            say(f"note: {note}")
    if format is Format.table:
        console().print(inert(found.text))
        return
    about = {"metric": found.comparison.metric, "at": found.comparison.at, "baseline": found.baseline.label}
    if format is Format.json:
        compared = found.comparison
        more = {"margin": compared.margin, "text": found.text, "notes": list(compared.notes)}
        print_json({**json_row(found.variant), **about, **more})
        return
    print_rows([{"variant": found.variant.label, **about, "verdict": found.word, "text": found.text}], format)
