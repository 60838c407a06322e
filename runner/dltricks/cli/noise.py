"""``dltricks noise``: how far the runs of one configuration spread, and what so many of them can show."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltricks.cli.options import (
    DataDir,
    Debug,
    Executor,
    File,
    Format,
    FormatOption,
    Fresh,
    Json,
    MaxRuns,
    Overrides,
    Plugins,
    Quiet,
    RunsDir,
    Scheduler,
    Threads,
    Workers,
    chosen,
)

if TYPE_CHECKING:
    from dltricks.api.noise import Detectable, NoiseResult
    from dltricks.statistics.noise import Alarms

NAME = "noise"
ENOUGH = 20
"""Comparisons from which their share of winners says something."""


def command(
    file: File,
    overrides: Overrides = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", metavar="N", help="By default those of the file, else 20.", show_default=False),
    ] = None,
    block: Annotated[int, typer.Option("--block", metavar="N", help="Runs on each side of a comparison.")] = 6,
    minutes: Annotated[
        list[float] | None,
        typer.Option(
            "--minutes",
            metavar="M",
            help="A time of which to tell what it can show; may be repeated. By default 1, 10, and 60.",
            show_default=False,
        ),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    data_dir: DataDir = None,
    plugin: Plugins = None,
    fresh: Fresh = False,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
    threads: Threads = None,
    max_runs: MaxRuns = 10_000,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run one configuration against itself: its noise, false alarms, and the smallest difference that can be found.

    All runs differ in their seeds only. The verdict is asked about blocks of them: a winner is a false alarm.
    """
    from dltricks.api.lab import Means
    from dltricks.api.noise import MINUTES, noise_study
    from dltricks.cli.output import say

    view = None
    if not quiet:
        from dltricks.cli.study_progress import study_view

        view = study_view()
    result = noise_study(
        file,
        overrides or [],
        {},
        seeds=seeds,
        block=block,
        minutes=minutes or MINUTES,
        means=Means(runs_dir, data_dir, None if executor is None else executor.value, workers, scheduler, threads),
        plugins=plugin or [],
        fresh=fresh,
        max_runs=max_runs,
        quiet=quiet,
        view=view,
        notify=say,
    )
    print_noise(result, chosen(format, json))


def print_noise(result: NoiseResult, format: Format) -> None:
    """Prints the spread, the false alarms and the detectable differences; in JSON all in one object."""
    from dltricks.cli.output import write
    from dltricks.cli.tables import console, print_json, print_lines, print_rows

    if format is Format.json:
        print_json(_plain(result))
        return
    rows = [*map(_row, result.by_seeds), *map(_row, result.by_minutes)]
    if format is not Format.table:
        if format is not Format.csv:
            print_lines([*_sentences(result), *_remarks(result)], format)
            write("")
        print_rows(rows, format)
        return
    screen = console()
    for line in _sentences(result):
        screen.print(line)
    screen.print()
    people = [{"seeds": row["seeds"], "both arms take": _time(row["minutes"]), **_but(row, "minutes")} for row in rows]
    print_rows(people, format, title="the smallest difference found with a power of 80 %")
    for line in _remarks(result):
        screen.print(line, style="dim")


def _sentences(result: NoiseResult) -> list[str]:
    from dltricks.cli.tables import spell
    from dltricks.statistics.reasons import number

    own, percent = result.spread, f"{100 * result.confidence:g} %"
    ended = len(result.values) - result.diverged
    interval = (
        f" ({percent} interval {number(float(own.low))} to {number(float(own.high))})" if own.sd > 0 else ", all equal"
    )
    lines = [
        f"{result.metric} of the last epoch, {ended} runs that differ only in seed: mean {spell(result.mean)}, "
        f"noise floor (standard deviation) {number(float(own.sd))}{interval}"
    ]
    if result.diverged:
        lines.append(f"{result.diverged} of {len(result.values)} runs diverged and are in neither")
    return [*lines, *(_alarm(each, percent) for each in result.alarms)]


def _alarm(alarms: Alarms, percent: str) -> str:
    what = "as if seeds were shared (paired t)" if alarms.paired else "seeds of their own (Welch)"
    sides = f"of {alarms.block} runs with {alarms.block}"
    if not alarms.comparisons:
        return f"false alarms, {what}: too few runs for one comparison {sides}"
    many = f"{alarms.comparisons} comparison{'s' * (alarms.comparisons != 1)} {sides}"
    share = f"{100 * alarms.share:.1f} % ({percent} interval {100 * alarms.low:.1f} to {100 * alarms.high:.1f} %)"
    return f"false alarms, {what}: {alarms.winners} in {many}, {share}"


def _remarks(result: NoiseResult) -> list[str]:
    from dltricks.statistics.power import MOST

    each = f"{result.seconds:.2g} s a run, {'measured' if result.measured else 'estimated from a few steps'}"
    lines = [
        f"seeds of each of two arms, with seeds of their own; {each}. "
        "Shared seeds whose results correlate by r find sqrt(1 - r) times as much"
    ]
    if any(each.seeds == MOST for each in result.by_minutes):
        lines.append(f"note: {MOST:,} seeds are the most that are reckoned with, however long there is time")
    alarms = result.alarms[0]
    if alarms.comparisons < ENOUGH:
        wanted = 2 * alarms.block * 200
        lines.append(
            f"note: so few comparisons say nothing of the share of false alarms; --seeds {wanted} makes 200 of them"
        )
    return lines


def _row(each: Detectable) -> dict[str, Any]:
    return {
        "seeds": each.seeds,
        "minutes": each.minutes,
        "difference": _known(each.difference),
        "low": _known(each.low),
        "high": _known(each.high),
    }


def _but(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _time(minutes: float) -> str:
    from dltricks.cli.labels import about

    return about(60 * minutes)


def _plain(result: NoiseResult) -> dict[str, Any]:
    own = result.spread
    return {
        "metric": result.metric,
        "at": "last",
        "runs": len(result.values),
        "diverged": result.diverged,
        "values": list(result.values),
        "mean": result.mean,
        "sd": float(own.sd),
        "sd_interval": [float(own.low), float(own.high)],
        "confidence": result.confidence,
        "false_alarms": [{**asdict(each), "winners": each.winners} for each in result.alarms],
        "by_seeds": [asdict(each) for each in result.by_seeds],
        "by_minutes": [asdict(each) for each in result.by_minutes],
        "seconds_per_run": result.seconds,
        "seconds_measured": result.measured,
    }
