"""``dltricks list``: runs with what has become of them, filtered and sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltricks.cli.options import Debug, Format, FormatOption, Json, RunsDir, Where, chosen

if TYPE_CHECKING:
    from dltricks.runs.entry import Entry

NAME = "list"
SHOWN = 100
"""Rows of a table for people, unless they ask for another number."""
_TOLD = 10
"""Damaged runs of which the reason is told."""


def command(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PLACE",
            help="Folders of runs, of studies or of single runs, or patterns of them; by default --runs-dir.",
            show_default=False,
        ),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    where: Where = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="KEY",
            help="Sort by a key, a metric, or age; -val_accuracy begins with the highest.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="Show this metric of the last epoch; may be repeated. By default what runs are compared by.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=0,
            help=f"Show the first N runs, 0 for all. By default {SHOWN} in a table, else all.",
            show_default=False,
        ),
    ] = None,
    format: FormatOption = Format.table,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List runs with their status, what tells them apart, and their metrics.

    dltricks list --where 'dropout<0.5 and optimizer=adam and val_accuracy>0.9' --sort -val_accuracy
    """
    from dltricks.api.list import list as list_runs
    from dltricks.cli.output import say
    from dltricks.cli.tables import print_json, print_rows

    entries = list_runs(*(places or []), runs_dir=runs_dir, where=where, sort=sort)
    format = chosen(format, json)
    limit = (SHOWN if format is Format.table else 0) if limit is None else limit
    shown = entries[:limit] if limit else entries
    varied = _varied(shown)
    if format is Format.json:
        print_json([_record(entry, said) for entry, said in zip(shown, varied, strict=True)])
    elif not entries:
        say("no run fits the condition" if where else "no runs there")
    else:
        columns = _metrics(entries, metric or [], where or "")
        row = _line if format is Format.csv else _row
        rows = [row(entry, said, columns) for entry, said in zip(shown, varied, strict=True)]
        print_rows(rows if format is Format.csv else _without_empty(rows), format)
    if len(shown) < len(entries):
        say(f"{len(entries) - len(shown):,} more runs; --limit 0 shows all")
    damaged = [entry for entry in shown if entry.problem]
    for entry in damaged[:_TOLD]:
        say(f"damaged: {entry.problem}")
    if len(damaged) > _TOLD:
        say(f"and {len(damaged) - _TOLD:,} more damaged runs; --where status=damaged --json tells of all")


def _varied(entries: Sequence[Entry]) -> Sequence[Mapping[str, Any]]:
    """For each run its values of the keys in which some differ; none where its configuration cannot be read."""
    from dltricks.comparing.keys import differing

    found = iter(differing([entry.config for entry in entries if entry.config]))
    said = [next(found) if entry.config else {} for entry in entries]
    keys = dict.fromkeys(key for each in said for key in each)
    return [{key: each.get(key) for key in keys} for each in said]


def _record(entry: Entry, varied: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "path": str(entry.path),
        "status": entry.status,
        "name": entry.name,
        "id": entry.id,
        "role": entry.role,
        "seed": entry.seed,
        "varied": varied,
        "config": entry.config,
        "epochs": entry.epochs,
        "best": entry.best,
        "final": entry.final,
        "test": entry.test,
        "seconds": _seconds(entry),
        "modified": _time(entry),
        "problem": entry.problem,
    }


def _row(entry: Entry, varied: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """A run for people."""
    from dltricks.cli.screen import took
    from dltricks.runs.reading import ENDED

    ended, seconds = entry.status in ENDED, _seconds(entry)
    return {
        "id": entry.id or entry.path.name,
        "status": "interrupted, can continue" if entry.status == "interrupted" else entry.status,
        "role": entry.role,
        "name": entry.name,
        **{key: _spelled(value) for key, value in varied.items()},
        "seed": _spelled(entry.seed),
        "trained": f"{entry.epochs}{'' if ended else '/' + str(entry.config.get('epochs', '?'))}",
        **{metric: _metric(entry, metric) for metric in metrics},
        "time": None if seconds is None else took(seconds),
        "age": _age(entry),
    }


def _line(entry: Entry, varied: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """A run for programs that read CSV."""
    return {
        "path": str(entry.path),
        "status": entry.status,
        "role": entry.role,
        "name": entry.name,
        "id": entry.id,
        **{key: _spelled(value) for key, value in varied.items()},
        "seed": _spelled(entry.seed),
        "trained": entry.epochs,
        **{metric: _metric(entry, metric) for metric in metrics},
        "seconds": _seconds(entry),
        "modified": _time(entry),
        "problem": entry.problem,
    }


def _without_empty(rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Rows without columns in which nothing stands, and without names that are all the same."""
    empty = {key for key in rows[0] if all(row[key] is None for row in rows)}
    if len({row["name"] for row in rows}) == 1:
        empty.add("name")
    return [{key: value for key, value in row.items() if key not in empty} for row in rows]


def _metrics(entries: Sequence[Entry], wanted: Sequence[str], where: str) -> Sequence[str]:
    """The metrics that have columns: those asked for, or what runs are compared by and what the condition is about."""
    from dltricks.api.where import check_key

    for metric in wanted:
        check_key(metric, entries, f"--metric {metric}")
    if wanted:
        return wanted
    found = dict.fromkeys(name for entry in entries for line in (entry.final, entry.test) for name in line or ())
    headline = next((name for name in ("val_accuracy", "val_loss", "train_loss") if name in found), None)
    return [name for name in found if name in (headline, "test_accuracy") or name in where]


def _metric(entry: Entry, name: str) -> Any:
    from dltricks.api.where import values

    return next(values(entry, name), None)


def _spelled(value: Any) -> Any:
    """A value of the configuration as people write it: 0.002, or adam+lr=0.002."""
    from dltricks.core.spelling import spell

    if isinstance(value, float):
        return f"{value:.15g}"
    return spell(value) if isinstance(value, (Mapping, list, bool)) else value


def _seconds(entry: Entry) -> float | None:
    return float(entry.seconds.sum()) if entry.seconds.size else None


def _time(entry: Entry) -> str | None:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(entry.modified, UTC).isoformat(timespec="seconds") if entry.modified else None


def _age(entry: Entry) -> str | None:
    """How long ago a run ended, or anything was last written, no finer than people ask."""
    import time

    if not entry.modified:
        return None
    seconds = max(0.0, time.time() - entry.modified)
    units: Sequence[tuple[float, str]] = ((60, "s"), (60, "min"), (24, "h"), (365, "d"), (float("inf"), "y"))
    for length, unit in units:
        if seconds < length:
            return f"{int(seconds)} {unit}"
        seconds /= length
    return None
