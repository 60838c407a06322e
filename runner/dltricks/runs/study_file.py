"""study.json: what a sweep, an ablation or a tuned comparison planned, beside the folders of its runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError, NewerFormatError
from dltricks.runs import files, names, sealed

NAME = "study.json"
FORMAT = 1
_FORM = {
    "metric": str,
    "arms": [{"label": str, "varied": dict}],
    "seeds": ([int], None),
    "baseline": (str, None),
    "margin": (float, int, None),
    "contrasts": ([{"tricks": [str], "kind": str, "arm": str, "reference": str, "tuned": bool}], None),
    "runs": [{"hash": str, "arm": str, "seed": (int, dict)}],
    "tuned": (dict, None),
    "notes": [str],
    "superseded": [str],
}
"""What a plan must hold, for all who read it. A right checksum says only that nothing has changed since."""


def load(folder: Path) -> dict[str, Any] | None:
    """The plan of the study below ``runs/<name>``; None where there was none.

    Raises:
        DamagedError: not what was written.
    """
    path = folder / NAME
    try:
        content = sealed.load(path, FORMAT, sealed.LARGEST)
        wrong = None if content is None else sealed.misfit(content, _FORM)
        if wrong is not None:
            raise DamagedError(f"{path}: {wrong} is not what a plan holds there")
        return content
    except NewerFormatError:
        raise
    except DamagedError as error:
        raise DamagedError(f"{error}; remove it, and the next training of the study writes it anew") from error


def save(folder: Path, study: Mapping[str, Any]) -> None:
    """Replaces the plan. Runs that the old one held and the new one does not are remembered as superseded, and what was
    declared of looks at them is remembered as declared: nobody can look again for the first time."""
    files.make_lasting_folder(folder)
    before = load(folder)
    planned = {run["hash"] for run in study["runs"]}
    superseded: list[str] = []
    declared = None
    if before is not None:
        declared = before.get("until") or before.get("declared")
        earlier = [*before["superseded"], *(run["hash"] for run in before["runs"])]
        superseded = [config_hash for config_hash in dict.fromkeys(earlier) if config_hash not in planned]
    content = {"format": FORMAT, **study, "superseded": superseded}
    if "until" not in study and declared is not None:
        content["declared"] = declared
    if before is None or {key: before.get(key) for key in content} != content:
        sealed.save(folder / NAME, content)


def forget(folder: Path, removed: Collection[str]) -> None:
    """Strikes runs that were removed off those that are remembered as superseded.

    Args:
        folder: ``runs/<name>``, where there need be no study.
        removed: of each run how its hash begins, as in the name of its folder.
    """
    before = load(folder)
    if before is None:
        return
    left = [config_hash for config_hash in before["superseded"] if config_hash[: names.DIGITS] not in removed]
    if left != before["superseded"]:
        sealed.save(folder / NAME, {**before, "superseded": left})
