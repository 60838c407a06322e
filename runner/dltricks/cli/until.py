"""``dltricks train --until decided``: what is declared, and how the arms stand after the last look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltricks.cli.options import Format

if TYPE_CHECKING:
    from dltricks.api.lab import Means
    from dltricks.api.study import StudyResult
    from dltricks.api.until import Declared, Standing, UntilResult


def plan_looks(
    file: Path,
    overrides: list[str],
    max_seeds: int | None,
    budget: str | None,
    format: Format,
    *,
    means: Means,
    plugins: Sequence[Path],
    fresh: bool,
    max_runs: int,
) -> None:
    """Shows the runs that a study may come to, and when it would be looked at."""
    from dltricks.api.lab import Lab, Silent
    from dltricks.api.session import open_study
    from dltricks.api.until import plan_until, seconds, widened
    from dltricks.cli.output import say
    from dltricks.cli.study_report import plan_numbers, print_plan
    from dltricks.cli.tables import console, print_json

    if budget is not None:
        seconds(budget)  # refused now and not later
    study = widened(open_study(file, overrides, {}, max_runs), max_seeds, max_runs)
    with Lab(means, Silent(say)) as lab:
        plan, declared, because = plan_until(study, lab, plugins, fresh=fresh, most=max_runs)
    if format is Format.json:
        print_json({**plan_numbers(plan), "until": None if declared is None else declared.to_json()})
        return
    print_plan(plan, format)
    if format is Format.table:
        what = "what is looked at is declared after the tuning" if declared is None else _rule(declared, because)
        console().print(f"\nat most; {what}")


def train_looks(
    file: Path,
    overrides: list[str],
    max_seeds: int | None,
    budget: str | None,
    format: Format,
    *,
    means: Means,
    plugins: Sequence[Path],
    fresh: bool,
    max_runs: int,
    quiet: bool,
) -> StudyResult:
    """Trains until all is decided and prints how the arms stand."""
    from dltricks.api.train import train_until
    from dltricks.cli.output import say

    view = None
    if not quiet:
        from dltricks.cli.study_progress import study_view

        view = study_view()
    result = train_until(
        file,
        overrides,
        {},
        max_seeds=max_seeds,
        budget=budget,
        means=means,
        plugins=plugins,
        fresh=fresh,
        max_runs=max_runs,
        quiet=quiet,
        view=view,
        notify=say,
        tell=_unheard if quiet else say,
    )
    print_standings(result, format)
    return result.trained


def _unheard(message: str) -> None:
    """Nobody is told."""


def print_standings(result: UntilResult, format: Format) -> None:
    """Prints a row for each arm, with its repeated confidence interval; in JSON the rule and the runs as well."""
    from dltricks.cli.output import inert
    from dltricks.cli.run_report import entry_line
    from dltricks.cli.tables import console, print_json, print_rows

    if format is Format.json:
        print_json(
            {
                **result.declared.to_json(),
                "at": "last",
                "baseline_because": result.because,
                "ended": result.ended,
                "budget": result.budget,
                "verdicts": [standing_numbers(each) for each in result.standings],
                "notes": list(result.notes),
                "runs": [entry_line(entry) for entry in result.trained.entries],
            }
        )
        return
    rows = standing_rows(result.standings)
    if format is not Format.table:
        print_rows(rows, format)
        return
    print_rows(rows, format, title=f"{result.declared.metric} of the last epoch, less that of the baseline")
    screen = console()
    screen.print()
    for each in result.standings:
        screen.print(inert(sentence(each, result)))
    screen.print(inert(_rule(result.declared, result.because)), style="dim")
    end = _end(result)
    if end:
        screen.print(end, style="dim")
    for note in result.notes:
        screen.print(f"note: {inert(note)}", style="dim")


def standing_rows(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """A row for each arm; of divergences and failures only if there are any."""
    rows = []
    for each in standings:
        numbers = standing_numbers(each)
        row = {"arm": each.label or "the file"} | {
            name: numbers[name] for name in ("seeds", "pairs", "difference", "low", "high", "look", "verdict")
        }
        if any(any(one.diverged) or one.failed for one in standings):
            row["diverged"] = f"{each.diverged[0]} / {each.diverged[1]}"
        rows.append(row)
    return rows


def standing_numbers(standing: Standing) -> dict[str, Any]:
    """An arm in JSON; null for what cannot be known, as an interval before the first look."""
    look = standing.look
    low, high = (None, None) if look is None else map(_known, look.interval)
    return {
        "arm": standing.label,
        "varied": standing.varied,
        "verdict": standing.word,
        "look": standing.number,
        "seeds": 0 if look is None else look.seeds,
        "pairs": 0 if look is None else look.n,
        "difference": None if look is None else _known(look.difference),
        "low": low,
        "high": high,
        "level": None if look is None else look.level,
        "outlook": None if look is None else _known(look.outlook),
        "diverged": list(standing.diverged),
        "failed": standing.failed,
    }


def sentence(standing: Standing, result: UntilResult) -> str:
    """The verdict on an arm in a sentence."""
    from dltricks.statistics.reasons import number, percent

    who, look, declared = standing.label or "the file", standing.look, result.declared
    if look is None:
        return f"{who}: inconclusive: no look was taken; the first is at {declared.looks[0]} seeds."
    known = not math.isnan(look.interval[0])
    interval = f"{percent(1 - look.level)} % repeated interval {number(look.interval[0])} to {number(look.interval[1])}"
    evidence = f"{interval if known else 'no interval'}, {look.n} shared seeds, look {standing.number}"
    margin = "" if declared.margin is None else f" the margin of {number(declared.margin)}"
    difference = "unknown" if math.isnan(look.difference) else number(look.difference)
    if standing.word == "equivalent":
        return f"{who}: equivalent: the difference of {difference} lies within{margin} ({evidence})."
    if standing.word == "inconclusive":
        if not look.n:
            lost, theirs = standing.diverged
            said = f"no seed was finished by both: {lost} runs diverged, against {theirs} of the baseline"
            return f"{who}: inconclusive: {said} (look {standing.number})."
        noise = "may be noise" if declared.margin is None else f"is neither shown to be beyond nor within{margin}"
        said = f"{who}: inconclusive: the difference of {difference} {noise} ({evidence})"
        lost, theirs = standing.diverged
        if lost != theirs:
            said += f"; {lost} runs diverged, against {theirs} of the baseline"
        chance = look.outlook
        if result.ended == "budget" and not math.isnan(chance):
            said += f"; were it as it looks, the rest of the seeds would decide in about {100 * chance:.0f} % of cases"
        return f"{said}."
    if math.isnan(look.difference) or (not known and any(standing.diverged)):
        lost, theirs = standing.diverged
        said = f"{lost} of {look.seeds} runs diverged, against {theirs} of the baseline"
        return f"{who}: {standing.word}: {said}, which chance does not explain (look {standing.number})."
    beyond = f", beyond{margin}" if margin else ""
    way = "better" if standing.word == "helps" else "worse"
    return f"{who}: {standing.word}: {way} by {number(abs(look.difference))}{beyond} ({evidence})."


def _rule(declared: Declared, because: str) -> str:
    looks = ", ".join(f"{n} ({level:.2g})" for n, level in zip(declared.looks, declared.levels, strict=True))
    margin = "no margin" if declared.margin is None else f"margin {declared.margin:g}"
    many = len(declared.variants)
    arms = f" in {many} arms" if many > 1 else ""
    return (
        f"declared beforehand: baseline {declared.baseline or 'the file'} ({because}), {margin}, "
        f"looks after so many seeds (level): {looks}; false alarms of all looks{arms} {100 * declared.alpha:g} %"
    )


def _end(result: UntilResult) -> str:
    if result.ended == "budget":
        return f"the budget of {result.budget:g} s is used up; the same command goes on"
    return "all declared seeds are trained: more of them would be another study" if result.ended == "seeds" else ""


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
