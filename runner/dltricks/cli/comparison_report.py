"""A comparison as tables: of verdicts, of the evidence for them, and of how training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dltricks.cli import comparison_cells as cells
from dltricks.cli import tables
from dltricks.cli.comparison_json import as_json, flat_rows
from dltricks.cli.options import Format
from dltricks.cli.output import inert, write
from dltricks.cli.tables import console, print_json, print_lines, print_rows
from dltricks.core.spelling import spell
from dltricks.runs.reading import ENDED

if TYPE_CHECKING:
    from dltricks.comparing.result import Comparison, Row
    from dltricks.statistics.judged import Judged

Cells = Mapping[str, Any]
KEYS = 3
"""Differing keys that have a column each; more are said in one."""


def print_comparison(found: Comparison, format: Format) -> None:
    """Prints verdicts and all that belongs to them."""
    if format is Format.json:
        print_json(as_json(found))
        return
    if format is Format.csv:
        print_rows(flat_rows(found), format)
        return
    if format is not Format.table:
        groups = column_groups(found)
        if format is Format.latex:  # whose fonts have no such characters
            groups = [[{k: v for k, v in part.items() if k != "mean curve"} for part in parts] for parts in groups]
        print_lines([_title(found), *explanations(found)], format)
        write("")
        print_rows([{**names, **merged(parts)} for names, parts in zip(row_names(found), groups, strict=True)], format)
        _more_tables(found, format)
        return
    _for_people(found)


def _for_people(found: Comparison) -> None:
    screen = console()
    title = _title(found)
    for rows in fitted(row_names(found), column_groups(found), screen.width):
        print_rows(rows, Format.table, title=title, style=cells.style)
        title = ""
        screen.print()
    _more_tables(found, Format.table)
    for line in explanations(found):
        screen.print(inert(line), style="dim", soft_wrap=False)


def _title(found: Comparison) -> str:
    return f"{found.value}, {'larger' if found.larger_is_better else 'smaller'} is better"


def fitted(names: Sequence[Cells], groups: Sequence[Sequence[Cells]], width: int) -> list[list[dict[str, Any]]]:
    """The rows of as few tables as fit the width, each of which begins with the names.

    A group that does not fit is taken apart, unless the names alone leave no room worth it.
    """
    found: list[list[dict[str, Any]]] = []
    for part in _pieces(names, groups, width):
        alone = [{**name, **mine} for name, mine in zip(names, part, strict=True)]
        together = [{**rows, **mine} for rows, mine in zip(found[-1], part, strict=True)] if found else []
        if found and table_width(together) <= width:
            found[-1] = together
        else:
            found.append(alone)
    return found


def _pieces(names: Sequence[Cells], groups: Sequence[Sequence[Cells]], width: int) -> list[list[Cells]]:
    """For each group, or column of a group that is too wide, the cells of all rows."""
    pieces: list[list[Cells]] = []
    for number in range(len(groups[0]) if groups else 0):
        part = [parts[number] for parts in groups]
        whole = [{**name, **mine} for name, mine in zip(names, part, strict=True)]
        if table_width(whole) > width >= 2 * table_width(names):
            pieces += [[{column: mine[column]} for mine in part] for column in part[0]]
        elif any(part):
            pieces.append(part)
    return pieces


def table_width(rows: Sequence[Cells]) -> int:
    """How wide a table of these rows is, where a verdict may be broken behind its word."""
    columns = list(rows[0]) if rows else []
    widths = []
    for column in columns:
        texts = [tables.spell(row[column]) for row in rows]
        longest = max(map(len, texts))
        widths.append(max(len(column), min(longest, 20) if "verdict" in column else longest))
    return sum(widths) + 3 * (len(widths) - 1)


def row_names(found: Comparison) -> list[dict[str, str]]:
    """What tells each row from the others, as text: numbers beside names would be aligned otherwise."""
    rows = found.rows
    keys = list(dict.fromkeys(key for row in rows for key in row.varied))
    # Labels say more where values are alike, as arms at their best values are, or of an ablation.
    by_key = 0 < len(keys) <= KEYS and all(set(row.varied) == set(keys) for row in rows)
    by_key &= len({(row.task, repr(row.varied)) for row in rows}) == len(rows)
    several = any(row.task for row in rows)
    column, cut = _common_key([row.label for row in rows])
    return [
        ({"task": row.task} if several else {})
        | (
            {key: spell(row.varied[key]) for key in keys}
            if by_key
            else {column: row.label[cut:] or found.study or "all"}
        )
        for row in rows
    ]


def _common_key(labels: Sequence[str]) -> tuple[str, int]:
    """The one key that all labels begin with, and its length with the equals sign; else what any row is, and 0."""
    key, equals, _ = labels[0].partition("=")
    if equals and all(label.startswith(key + equals) and "," not in label for label in labels):
        return key, len(key) + 1
    return "variant", 0


def column_groups(found: Comparison) -> list[list[dict[str, Any]]]:
    """For each row the cells of three groups: the verdict, its evidence, and how training went."""
    rows = found.rows
    mean_digits = cells.decimals([_half(row.interval) for row in rows])
    digits = cells.decimals([_half(row.verdict.interval) for row in rows if row.verdict])
    scale = cells.bounds([row.curve for row in rows])
    return [
        [_verdict(row, found, mean_digits, digits), _evidence(row, found), _training(row, found, scale)] for row in rows
    ]


def merged(parts: Sequence[Cells]) -> dict[str, Any]:
    """The cells of all groups, the verdict at their end."""
    found = {key: value for part in parts for key, value in part.items()}
    if "verdict" in found:
        found["verdict"] = found.pop("verdict")
    return found


def _verdict(row: Row, found: Comparison, mean_digits: int, digits: int) -> dict[str, Any]:
    shown: dict[str, Any] = {"runs": str(len(row.values))}
    if any(each.diverged for each in found.rows):
        shown["diverged"] = cells.percent(row.diverged)
    if any(_unfinished(each) for each in found.rows):
        shown["without result"] = ", ".join(f"{count:,} {state}" for state, count in _unfinished(row).items())
    shown[found.metric] = cells.around(row.mean, row.interval, mean_digits)
    if row.sampling is not None:
        shown["test set"] = f"± {cells.number((row.sampling.high - row.sampling.low) / 2, mean_digits)}"
    if any(each.verdict for each in found.rows):
        shown["difference"] = "baseline" if row.baseline else _difference(row.verdict, digits)
        shown["verdict"] = cells.word(row.verdict)
    return shown


def _evidence(row: Row, found: Comparison) -> dict[str, Any]:
    judged = row.verdict
    if not any(each.verdict for each in found.rows):
        return {}
    shown = {
        "P(better)": "" if judged is None else cells.share(judged.improvement, judged.improvement_interval),
        "adj. p": "" if judged is None else cells.p_value(judged.adjusted_p),
    }
    every = [each.verdict for each in found.rows if each.verdict]
    if any(each.equivalence_p is not None for each in every):
        shown["equiv. p"] = "" if judged is None else cells.p_value(judged.equivalence_p)
    if any(each.permutation_p is not None for each in every):
        shown["perm. p"] = "" if judged is None else cells.p_value(judged.permutation_p)
        shown["corr."] = "" if judged is None else cells.number(judged.correlation, 2)
    if any(each.effect for each in found.rows):
        effect = row.effect
        ends = None if effect is None else (float(effect.low), float(effect.high))
        shown["Hedges g"] = cells.share(None if effect is None else float(effect.value), ends)
    return shown


def _training(row: Row, found: Comparison, scale: tuple[float, float]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if any(each.target for each in found.rows):
        goal = "target" if found.target is None else f"{found.target:.4g}"
        shown[f"epochs to {goal}"] = cells.epochs(row)
    if any(each.seconds for each in found.rows):
        shown["seconds"] = "" if row.seconds is None else f"{row.seconds:.3g}"
    if any(each.curve for each in found.rows):
        shown["mean curve"] = cells.sparkline(row.curve, scale)
    return shown


def _difference(judged: Judged | None, digits: int) -> str:
    return "" if judged is None else cells.around(judged.difference, judged.interval, digits, sign=True)


def _unfinished(row: Row) -> dict[str, int]:
    return {state: count for state, count in row.counts.items() if state not in ENDED and count}


def _half(interval: tuple[float, float] | None) -> float:
    return 0.0 if interval is None else (interval[1] - interval[0]) / 2


def _more_tables(found: Comparison, format: Format) -> None:
    from dltricks.cli.comparison_tables import overall_rows, pair_rows, trick_tables

    further = [*trick_tables(found), ("every two variants", pair_rows(found)), (found.metric, overall_rows(found))]
    for title, rows in further:
        if rows:
            if format is not Format.table:
                write("")  # or Markdown would take it for further rows of the table before
            print_rows(rows, format, title=title if format is Format.table else "", style=cells.style)
            if format is Format.table:
                console().print()


def explanations(found: Comparison) -> list[str]:
    """What the table rests on, a sentence each."""
    from dltricks.statistics.permutation import FEWEST

    lines = []
    judged = [row.verdict for row in found.rows if row.verdict]
    if judged:
        lines.append(f"baseline: {found.baseline or found.study or 'the runs'} ({found.baseline_is})")
    asked = [each for trick in found.tricks for each in (trick.costs, trick.brings) if each]
    if asked:
        lines.append("left out: the file as it stands against the file without it; added: plain with it against plain")
        if any(each.more_seeds for each in asked):
            lines.append("(~N more): about so many more seeds would decide, if all stays as it is")
    judged += asked
    if judged:
        lines.append(_tests(found, judged))
        lines.append(
            f"margin: {found.margin:.4g}; what helps or hurts does so by more"
            if found.margin is not None
            else "no margin is declared, so that any difference counts and nothing is called equivalent"
        )
    else:
        lines.append(f"± {100 * found.confidence:.4g} % interval of the mean")
    if any(row.target for row in found.rows):
        value = "" if found.target is None else f"{found.target:.4g}, "
        lines.append(f"epochs to {value}{found.target_is}: by then half of the runs have reached it")
    if any(row.sampling for row in found.rows):
        lines.append("test set: what another draw of test samples may change, which no number of seeds shows")
    for name, each in _named(found):
        if each is not None and each.incomplete:
            seeds = ", ".join(map(str, each.incomplete[:5]))
            rest = len(each.incomplete) - 5
            more = f" and {rest} more" if rest > 0 else ""
            lines.append(f"{name}: incomplete, for want of a value of the seeds {seeds}{more}")
    few = [name for name, each in _named(found) if each and each.word == "inconclusive" and min(each.n) < FEWEST]
    if few:
        more = f" and {len(few) - 5} more" if len(few) > 5 else ""
        lines.append(f"fewer than {FEWEST} runs of each can declare no winner: {', '.join(few[:5])}{more}")
    for reason, count in found.left_out.items():
        lines.append(f"left out: {count:,} {'run' if count == 1 else 'runs'} {reason}")
    lines += [f"damaged: {problem}" for problem in found.damaged[:5]]
    if len(found.damaged) > 5:
        lines.append(f"damaged: {len(found.damaged) - 5:,} more")
    return [*lines, *(f"note: {note}" for note in found.notes)]


def _named(found: Comparison) -> list[tuple[str, Judged | None]]:
    """Every verdict with what it is about."""
    named = [(row.name, row.verdict) for row in found.rows]
    for trick in found.tricks:
        tricks = " x ".join(trick.tricks) + (" (tuned)" if trick.tuned else "")
        named += [(f"leaving out {tricks}", trick.costs), (f"adding {tricks}", trick.brings)]
    return named


def _tests(found: Comparison, judged: Sequence[Judged]) -> str:
    from dltricks.statistics.reasons import percent

    names = {
        "paired t": "paired t tests of shared seeds",
        "Welch": "Welch's t tests",
        "Dunnett": "Dunnett's procedure",
        "divergence": "Fisher's exact tests of divergence",
    }
    tests = " and ".join(dict.fromkeys(names.get(each.test, each.test) for each in judged if each.test != "none"))
    mean = f"± {100 * found.confidence:.4g} % interval of the mean"
    if not tests:
        return f"{mean}; there is nothing to test"
    levels = sorted(each.interval_confidence for each in judged)
    at = " to ".join(dict.fromkeys(percent(each) for each in (levels[0], levels[-1])))
    single = sum(each is not None for t in found.tricks if len(t.tricks) == 1 for each in (t.costs, t.brings))
    count = len(found.pairs) or single or len(judged)
    how = "Benjamini-Hochberg" if found.exploratory else "Holm"
    adjusted = "" if count < 2 or "Dunnett" in tests else f", adjusted for {count} by {how}"
    if 0 < single < len(judged):
        adjusted += ", and apart from these for the interactions"
    only = "only exploring, some may be named falsely: " if found.exploratory else ""
    return f"{mean}; of the difference at {at} %, at which it is judged; {only}{tests}{adjusted}"
