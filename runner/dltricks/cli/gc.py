"""``dltricks gc``: lists runs that nobody needs any more, and removes them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dltricks.cli.options import Debug, Format, FormatOption, Json, RunsDir, chosen

if TYPE_CHECKING:
    from dltricks.api.gc import Garbage

NAME = "gc"


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Experiments; by default all.", show_default=False),
    ] = None,
    interrupted: Annotated[bool, typer.Option("--interrupted", help="Runs that have not ended.")] = False,
    superseded: Annotated[bool, typer.Option("--superseded", help="Runs that no study plans any more.")] = False,
    tuning: Annotated[bool, typer.Option("--tuning", help="Runs that values were tuned with.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="List only.")] = False,
    runs_dir: RunsDir = Path("runs"),
    format: FormatOption = Format.table,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove interrupted, superseded and tuning runs, after listing them.

    Without --interrupted, --superseded or --tuning: all three sorts.
    """
    from dltricks.api.gc import clear, search
    from dltricks.cli.output import say
    from dltricks.core.errors import FileSystemError, UsageError

    if yes and dry_run:
        raise UsageError("--yes removes and --dry-run only lists; leave one of them out")
    every = not (interrupted or superseded or tuning)
    found = search(
        names or [],
        runs_dir,
        interrupted=interrupted or every,
        superseded=superseded or every,
        tuning=tuning or every,
        notify=say,
    )
    format = chosen(format, json)
    if format is not Format.json:
        _list(found, runs_dir, format)
    failures: list[str] = []
    if found and not dry_run and (yes or _agreed(found, listed=format is not Format.json)):
        found, failures = clear(found, runs_dir, say)
        gone = [garbage for garbage in found if garbage.removed]
        say(f"removed {_runs(len(gone))}, {_size(_sum(gone))}")
    if format is Format.json:
        _print(found)
    if failures:
        raise FileSystemError("\n".join(failures))


def _list(found: Sequence[Garbage], runs_dir: Path, format: Format) -> None:
    from dltricks.cli.output import inert, write
    from dltricks.cli.tables import print_rows

    if not found and format is Format.table:
        write(f"nothing to remove below {inert(runs_dir)}")
        return
    exact = format is Format.csv
    rows = [{"run": _name(each), "why": each.why, **_column(each.bytes, exact=exact)} for each in found]
    print_rows(rows, format, total={"run": _runs(len(found)), "why": "", **_column(_sum(found), exact=exact)})


def _column(count: int, *, exact: bool) -> dict[str, int | str]:
    return {"bytes": count} if exact else {"size": _size(count)}


def _print(found: Sequence[Garbage]) -> None:
    from dltricks.cli.tables import print_json

    rows = [{"run": _name(each), "why": each.why, "bytes": each.bytes, "removed": each.removed} for each in found]
    print_json({"runs": rows, "total": {"runs": len(found), "bytes": _sum(found)}})


def _agreed(found: Sequence[Garbage], *, listed: bool) -> bool:
    """Whether someone at a terminal wants it."""
    from dltricks.cli.output import say

    if not sys.stdin.isatty():
        say(f"removed nothing: there is no terminal to ask at; --yes removes {_these(len(found))}")
        return False
    if not listed:
        for each in found:
            say(f"{_name(each)}: {each.why}, {_size(each.bytes)}")
    try:
        agreed = typer.confirm(f"remove {_these(len(found))}?", err=True)
    except typer.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        agreed = False  # the terminal has no more to say
    if not agreed:
        say("removed nothing")
    return agreed


def _name(garbage: Garbage) -> str:
    """Where the run lies below the folder of all runs."""
    return "/".join(garbage.path.parts[-2:])


def _sum(found: Sequence[Garbage]) -> int:
    return sum(garbage.bytes for garbage in found)


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"


def _these(count: int) -> str:
    return f"these {count:,} runs" if count != 1 else "this run"


def _size(count: int) -> str:
    """Bytes in three digits: ``1.23 MB``."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.3g} {unit}"
    return f"{size / 1000:.3g} TB"
