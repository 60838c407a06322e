"""``dltricks diff``: what differs between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltricks.cli.options import Debug, Format, FormatOption, Json, RunArgument, RunsDir, chosen

if TYPE_CHECKING:
    from dltricks.api.diff import Difference

NAME = "diff"


def command(
    first: RunArgument,
    second: RunArgument,
    runs_dir: RunsDir = Path("runs"),
    format: FormatOption = Format.table,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the keys in which two runs differ, their metrics, and what they ran on where that differs."""
    from dltricks.api.diff import diff
    from dltricks.cli.output import inert, say, write
    from dltricks.cli.tables import print_json, print_rows

    found = diff(first, second, runs_dir=runs_dir)
    format = chosen(format, json)
    if format is Format.json:
        print_json(_record(found))
    else:
        if format is Format.table:
            write(f"first: {inert(found.first.path)}\nsecond: {inert(found.second.path)}\n")
        rows = _rows(found)
        if rows:
            print_rows(rows, format)
        if not found.config:
            say("the same configuration" + (" and seed: one experiment, the same run" if found.same else ""))
    for note in found.notes:
        say(note)


def _record(found: Difference) -> dict[str, Any]:
    return {
        "first": str(found.first.path),
        "second": str(found.second.path),
        "config": [{"key": key, "first": a, "second": b} for key, (a, b) in found.config.items()],
        "metrics": [
            {"metric": key, "first": a, "second": b, "difference": _difference(a, b)}
            for key, (a, b) in found.metrics.items()
        ],
        "environment": [{"key": key, "first": a, "second": b} for key, (a, b) in found.environment.items()],
        "notes": list(found.notes),
    }


def _rows(found: Difference) -> list[dict[str, Any]]:
    from dltricks.core.spelling import spell

    def row(what: str, key: str, first: Any, second: Any, difference: float | None = None) -> dict[str, Any]:
        return {"what": what, "key": key, "first": first, "second": second, "difference": difference}

    def cell(value: Any) -> Any:
        return None if value is None else f"{value:.15g}" if isinstance(value, float) else spell(value)

    return [
        *(row("configuration", key, cell(a), cell(b)) for key, (a, b) in found.config.items()),
        *(row("metric", key, a, b, _difference(a, b)) for key, (a, b) in found.metrics.items()),
        *(row("environment", key, a, b) for key, (a, b) in found.environment.items()),
    ]


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else second - first
