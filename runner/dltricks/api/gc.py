"""Finds runs that nobody needs any more, and removes them on request."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dltricks.api.session import PathLike
from dltricks.core import registry
from dltricks.core.errors import DamagedError, FileSystemError, LockedError, UsageError
from dltricks.experiment.datafiles import at_home
from dltricks.runs import files, reading, removal, study_file
from dltricks.runs.names import DIGITS

Why = Literal["interrupted", "superseded", "tuning", "tuning, not yet judged"]
Notify = Callable[[str], None]
"""Takes a sentence for people."""

_HASH = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True)
class Garbage:
    """A run that can be removed."""

    path: Path
    why: Why
    bytes: int
    """Of the files that dltricks wrote; only those are removed."""
    removed: bool = False


def gc(
    names: str | Sequence[str] = (),
    *,
    runs_dir: PathLike = "runs",
    interrupted: bool = True,
    superseded: bool = True,
    tuning: bool = True,
    remove: bool = False,
    notify: Notify | None = None,
) -> list[Garbage]:
    """Lists runs that nobody needs any more, and removes them if asked to.

    Never those that are being trained, nor damaged ones, which someone should look at.

    Args:
        names: experiments; by default all.
        runs_dir: where run folders lie.
        interrupted: whether to list runs that have not ended. Training them again would go on with them.
        superseded: whether to list runs that a study planned once and no study plans any more.
        tuning: whether to list runs that values were tuned with. Before the study has judged the values that were
            chosen, as ``why`` then says, removing them costs the tuning.
        remove: whether to remove what is listed. Files that dltricks did not write stay.
        notify: is told what is left alone, and why; by default it goes to stderr.

    Raises:
        UsageError: no such experiment.
        FileSystemError: runs that could not be removed; the others are.
    """
    tell = notify or _warn
    found = search(names, runs_dir, interrupted=interrupted, superseded=superseded, tuning=tuning, notify=tell)
    if remove:
        found, failures = clear(found, runs_dir, tell)
        if failures:
            raise FileSystemError("\n".join(failures))
    return found


def search(
    names: str | Sequence[str],
    runs_dir: PathLike,
    *,
    interrupted: bool,
    superseded: bool,
    tuning: bool,
    notify: Notify,
) -> list[Garbage]:
    """What ``gc`` lists; nothing is written. A run that is garbage in several ways is listed once, as the first."""
    folder = at_home(Path(runs_dir))
    experiments = _experiments(folder)
    wanted = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    for name in wanted:
        if name not in experiments:
            raise UsageError(
                f"{registry.unknown('experiment', name, experiments)} below {folder}"
                if experiments
                else f"unknown experiment {name!r}: {folder} holds no runs; name it with --runs-dir"
            )
    studies = _Studies(folder, experiments, notify)
    found = []
    for experiment in wanted or experiments:
        if (folder / experiment).is_symlink():
            notify(f"{folder / experiment}: a link, which is not followed; its runs stay")
            continue
        for run in _runs(folder / experiment):
            try:
                why = _why(run, studies, interrupted=interrupted, superseded=superseded, tuning=tuning)
                if why is not None:
                    found.append(Garbage(run, why, removal.look(run).bytes))
            except DamagedError as error:
                notify(f"{error}; it stays: train it again with --fresh, or remove its folder yourself")
            except FileSystemError as error:
                notify(f"{error}; it stays")
    return found


def clear(found: Sequence[Garbage], runs_dir: PathLike, notify: Notify) -> tuple[list[Garbage], list[str]]:
    """Removes what ``search`` found, as far as it is still garbage.

    Returns:
        The same runs, and what kept some from being removed.
    """
    folder = at_home(Path(runs_dir))
    # People take their time to answer: what is planned by now stays. What is damaged was told with the list.
    studies = _Studies(folder, _experiments(folder), lambda message: None)
    after, failures = [], []
    for garbage in found:
        removed = False
        try:
            removed = _remove(garbage, studies, notify)
        except (LockedError, DamagedError) as error:
            notify(f"{error}; it stays")
        except FileSystemError as error:
            failures.append(str(error))
        after.append(replace(garbage, removed=removed))
    for experiment in dict.fromkeys(garbage.path.parent for garbage in after):
        gone = {_digits(garbage.path) for garbage in after if garbage.removed and garbage.path.parent == experiment}
        try:
            with suppress(DamagedError):
                study_file.forget(experiment, gone)
        except FileSystemError as error:
            failures.append(str(error))
    return after, failures


def _remove(garbage: Garbage, studies: _Studies, notify: Notify) -> bool:
    run = garbage.path
    if not run.is_dir():
        notify(f"{run}: is gone already")
        return False

    def still() -> bool:
        if garbage.why == "interrupted":
            return reading.read_result(run) is None
        if garbage.why == "superseded":
            return studies.superseded(run)
        return _digits(run) not in studies.planned

    foreign = removal.remove(run, still)
    if foreign is None:
        notify(f"{run}: has been {'finished' if garbage.why == 'interrupted' else 'planned'} meanwhile; it stays")
    elif foreign:
        kept = ", ".join(str(path.relative_to(run)) for path in foreign)
        notify(f"{run}: the folder stays, for it holds what dltricks did not write: {kept}")
    return foreign is not None


class _Studies:
    """The plans of all studies below a folder of runs, whose runs may lie with one another's."""

    def __init__(self, runs_dir: Path, experiments: Sequence[str], notify: Notify) -> None:
        self._studies: dict[Path, Mapping[str, Any]] = {}
        self.complete = True
        """Whether all plans could be read."""
        for experiment in experiments:
            try:
                study = study_file.load(runs_dir / experiment)
            except DamagedError as error:
                notify(f"{error}; no run can be called superseded without it, so none is")
                self.complete = False
            else:
                if study is not None:
                    self._studies[runs_dir / experiment] = study
        hashes = [run["hash"] for study in self._studies.values() for run in study["runs"]]
        self.planned: Collection[str] = {each[:DIGITS] for each in hashes}
        """How the hashes begin that some study plans."""

    def superseded(self, run: Path) -> bool:
        """Whether the experiment's own study planned this run once, and none plans it now."""
        # A run that lies with another experiment was trained for that one.
        study = self._studies.get(run.parent)
        if study is None or not self.complete or _digits(run) in self.planned:
            return False
        return any(each.startswith(_digits(run)) for each in study["superseded"])

    def judged(self, run: Path) -> bool:
        """Whether the experiment's tuning is over: its choice is frozen."""
        study = self._studies.get(run.parent)
        return study is not None and study["tuned"] is not None


def _why(run: Path, studies: _Studies, *, interrupted: bool, superseded: bool, tuning: bool) -> Why | None:
    status = reading.status(run)
    if status == "running":
        return None
    if status == "damaged":
        reading.verify(run)
        return None  # mended between the two looks
    if status == "empty":
        return "interrupted" if interrupted and removal.look(run).bare else None
    if interrupted and status == "interrupted":
        return "interrupted"
    if superseded and studies.superseded(run):
        return "superseded"
    if tuning and _is_tuning(run) and _digits(run) not in studies.planned:
        return "tuning" if studies.judged(run) else "tuning, not yet judged"
    return None


def _is_tuning(run: Path) -> bool:
    result = reading.read_result(run)
    return result is not None and result.get("role") == "tuning"


def _experiments(runs_dir: Path) -> list[str]:
    return [name for name in files.names(runs_dir) if (runs_dir / name).is_dir()]


def _runs(experiment: Path) -> list[Path]:
    """Folders named as dltricks names them: one that was renamed is being kept for some reason."""
    paths = [experiment / name for name in files.names(experiment)]
    return [path for path in paths if _HASH.fullmatch(_digits(path)) and path.is_dir() and not path.is_symlink()]


def _digits(run: Path) -> str:
    """How the hash of a run begins."""
    return run.name.rpartition("-")[2]


def _warn(message: str) -> None:
    print(f"dltricks: {message}", file=sys.stderr)
