"""A comparison in JSON and CSV: all numbers, unrounded."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dltricks.core.spelling import spell
from dltricks.statistics.judged import Judged

if TYPE_CHECKING:
    from dltricks.comparing.result import Comparison, Row


def as_json(found: Comparison) -> dict[str, Any]:
    """Everything. Each of ``rows`` has a verdict."""
    return {
        "metric": found.metric,
        "at": found.at,
        "value": found.value,
        "larger_is_better": found.larger_is_better,
        "study": found.study,
        "baseline": found.baseline,
        "baseline_is": found.baseline_is,
        "margin": found.margin,
        "confidence": found.confidence,
        "exploratory": found.exploratory,
        "target": found.target,
        "target_is": found.target_is,
        # Of an ablation the rows are its questions, and no arm has a verdict of its own.
        ("arms" if found.tricks else "baselines"): [json_row(row) for row in found.rows if row.verdict is None],
        "rows": [json_row(row) for row in found.rows if row.verdict] + questions(found),
        "pairs": [{"label": each.label, "baseline": each.baseline, **verdict(each)} for each in found.pairs],
        "overall": {
            "scores": found.scores,
            "thresholds": found.thresholds.tolist(),
            "rows": [
                {
                    "label": each.label,
                    "interquartile_mean": each.score.value,
                    "interval": [each.score.low, each.score.high],
                    "profile": each.profile.tolist(),
                    "missing": each.missing,
                }
                for each in found.overall
            ],
        }
        if found.overall
        else None,
        "left_out": dict(found.left_out),
        "damaged": list(found.damaged),
        "notes": list(found.notes),
    }


def questions(found: Comparison) -> list[dict[str, Any]]:
    """Of each trick, or two, what leaving it out costs and what adding it brings."""
    return [
        {"tricks": list(trick.tricks), "question": question, "tuned": trick.tuned, **verdict(judged)}
        for trick in found.tricks
        for question, judged in (("leave out", trick.costs), ("add", trick.brings))
        if judged is not None
    ]


def json_row(row: Row) -> dict[str, Any]:
    """One variant; of the baseline without what belongs to a verdict."""
    curve = row.curve
    return {
        "label": row.label,
        "varied": dict(row.varied),
        "task": row.task,
        "runs": sum(count for state, count in row.counts.items() if state != "missing"),
        "states": dict(row.counts),
        "seeds": list(row.seeds),
        "values": row.values.tolist(),
        "mean": row.mean,
        "interval": row.interval,
        "sd": row.sd,
        "diverged": row.diverged,
        "target": None if row.target is None else asdict(row.target),
        "seconds": row.seconds,
        "curve": None
        if curve is None
        else {
            "mean": curve.mean.tolist(),
            "low": curve.low.tolist(),
            "high": curve.high.tolist(),
            "runs": curve.runs.tolist(),
        },
        "test_sampling": None if row.sampling is None else asdict(row.sampling),
        "hedges_g": None
        if row.effect is None
        else {"value": float(row.effect.value), "low": float(row.effect.low), "high": float(row.effect.high)},
        **({} if row.verdict is None else verdict(row.verdict)),
    }


def verdict(judged: Judged) -> dict[str, Any]:
    """A verdict with every number that belongs to it."""
    return {
        "verdict": judged.word,
        "reason": judged.reason,
        "test": judged.test,
        "paired": judged.paired,
        "n": list(judged.n),
        "difference": judged.difference,
        "gain": judged.gain,
        "difference_interval": judged.interval,
        "interval_confidence": judged.interval_confidence,
        "p": judged.p,
        "adjusted_p": judged.adjusted_p,
        "equivalence_p": judged.equivalence_p,
        "permutation_p": judged.permutation_p,
        "smallest_permutation_p": judged.smallest_p,
        "correlation": judged.correlation,
        "improvement": judged.improvement,
        "improvement_interval": judged.improvement_interval,
        "diverged_shares": list(judged.diverged),
        "incomplete": list(judged.incomplete),
        "more_seeds": judged.more_seeds,
        "exploratory": judged.exploratory,
    }


def flat_rows(found: Comparison) -> list[dict[str, Any]]:
    """The lines of CSV: one for each variant, or of an ablation for each question."""
    if not found.tricks:
        return [_flat(row, found) for row in found.rows]
    rows = []
    for each in questions(found):
        low, high = each["difference_interval"] or (None, None)
        plain = {key: value for key, value in each.items() if not isinstance(value, (list, tuple, dict))}
        plain.pop("difference_interval", None)
        rows.append({"tricks": " x ".join(each["tricks"]), **plain, "difference_low": low, "difference_high": high})
    return rows


def _flat(row: Row, found: Comparison) -> dict[str, Any]:
    judged = row.verdict
    low, high = row.interval or (None, None)
    below, above = (judged.interval if judged else None) or (None, None)
    worse, better = (judged.improvement_interval if judged else None) or (None, None)
    keys = dict.fromkeys(key for each in found.rows for key in each.varied)
    return {
        **({"task": row.task} if any(each.task for each in found.rows) else {}),
        "variant": row.label,
        **{key: spell(row.varied[key]) if key in row.varied else None for key in keys if key != "variant"},
        "baseline": "yes" if row.baseline else "no",
        "metric": found.metric,
        "at": found.at,
        "runs": len(row.values),
        "diverged": row.diverged,
        "mean": row.mean,
        "low": low,
        "high": high,
        "sd": row.sd,
        "margin": found.margin,
        "paired": None if judged is None else "yes" if judged.paired else "no",
        "test": judged.test if judged else None,
        "difference": judged.difference if judged else None,
        "difference_low": below,
        "difference_high": above,
        "interval_confidence": judged.interval_confidence if judged else None,
        "improvement": judged.improvement if judged else None,
        "improvement_low": worse,
        "improvement_high": better,
        "p": judged.p if judged else None,
        "adjusted_p": judged.adjusted_p if judged else None,
        "equivalence_p": judged.equivalence_p if judged else None,
        "permutation_p": judged.permutation_p if judged else None,
        "correlation": judged.correlation if judged else None,
        "hedges_g": float(row.effect.value) if row.effect else None,
        "hedges_g_low": float(row.effect.low) if row.effect else None,
        "hedges_g_high": float(row.effect.high) if row.effect else None,
        "epochs_to_target": row.target.median if row.target else None,
        "seconds": row.seconds,
        "verdict": judged.word if judged else None,
        "more_seeds": judged.more_seeds if judged else None,
    }
