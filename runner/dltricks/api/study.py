"""Trains all runs of an experiment file: one, a sweep with its seeds, an ablation's arms, or a tuned comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dltricks.api.lab import Lab, Notify, forget
from dltricks.api.session import MAX_RUNS, Run, located, read
from dltricks.api.tuning import Tuner, tuned_arms
from dltricks.core import errors
from dltricks.core.errors import DamagedError, FileSystemError, NewerFormatError, SomeFailedError
from dltricks.engine.hooks import Hook
from dltricks.engine.recipe import Recipe
from dltricks.execution.events import Ended, Event, Failed, Notice
from dltricks.execution.packing import Plan
from dltricks.execution.stack import build, train_stack
from dltricks.execution.task import PlannedRun
from dltricks.experiment.ablation import Ablation, Contrast
from dltricks.experiment.arm import Arm, tuned_label
from dltricks.experiment.resolve import Experiment
from dltricks.experiment.study import Study, experiments
from dltricks.experiment.tuning import Tuned
from dltricks.runs import reading, study_file


@dataclass(frozen=True)
class Entry:
    """One run of a study, and what has become of it: a run or a failure."""

    arm: Arm
    experiment: Experiment = field(repr=False)
    path: Path
    run: Run | None = None
    failure: Failed | None = None

    @property
    def seed(self) -> Any:
        """As in config.yaml: a number, or one for each purpose."""
        return self.experiment.config["seed"]

    def value(self, metric: str) -> float | None:
        """The metric at the run's last epoch; None where it diverged or failed."""
        if self.run is None or self.run.status == "diverged":
            return None
        return float(self.run.result["final"][metric])


@dataclass(frozen=True)
class StudyResult:
    """A study that was trained to its end."""

    study: Study = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)
    """In the order of the plan, without tuning runs."""
    metric: str
    """What the arms are compared by."""
    tuned: Tuned | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    """What the result does not say."""

    @property
    def failures(self) -> list[Failed]:
        """What failed for good."""
        return [entry.failure for entry in self.entries if entry.failure is not None]

    @property
    def runs(self) -> list[Run]:
        """The runs that have ended, in the order of the plan."""
        return [entry.run for entry in self.entries if entry.run is not None]

    def require_all(self) -> None:
        """Raises the error of runs that failed; SomeFailedError unless all failed in the same way."""
        fail(self.failures, len(self.entries))


@dataclass(frozen=True)
class Work:
    """Runs that are to be trained next: of a tuning, or those that are judged."""

    study: Study
    pairs: Sequence[tuple[Arm, Experiment]]
    """Arm by arm, each with all seeds."""
    kind: str
    """What study.json calls it: sweep or ablation; or tuning, of which study.json hears nothing."""
    tuned: Tuned | None = None
    notes: tuple[str, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    """The questions of an ablation."""

    @property
    def metric(self) -> str:
        """What the arms are compared by."""
        return headline([experiment.recipe for _, experiment in self.pairs])

    @property
    def baseline(self) -> str | None:
        """The label of the arm to compare with; where tuning left it as it is, it bears its first label."""
        labels = {arm.label for arm in self.study.arms}
        same = {tuned_label(label): label for label in labels}
        wanted = self.study.baseline
        return wanted if wanted in labels else same.get(wanted or "")


def next_work(
    study: Study,
    lab: Lab,
    plugins: Sequence[Path] = (),
    *,
    fresh: bool = False,
    most: int = MAX_RUNS,
    ablation: Ablation | None = None,
) -> Work:
    """Resolves what is to be trained next of a study.

    Args:
        study: as the user asks for it.
        lab: where its runs lie.
        plugins: files with tricks of the user's own.
        fresh: whether a tuning is to choose anew, from runs that are there already too.
        most: runs that a tuning may have.
        ablation: the questions of an ablation, whose arms are those of the study.

    Raises:
        UsageError: an arm that is refused.
    """
    kind, contrasts, notes = ("sweep", (), ()) if ablation is None else ("ablation", ablation.contrasts, ablation.notes)
    if study.tune is None:
        return Work(study, list(experiments(study, plugins=plugins)), kind, notes=notes, contrasts=contrasts)
    tuner = Tuner(study, lab, plugins, fresh=fresh, most=most)
    tuned = tuner.advance()
    if not isinstance(tuned, Tuned):
        return Work(study, tuned, "tuning")
    both = replace(study, arms=tuned_arms(study, tuned, plugins))
    runs = list(experiments(both, plugins=plugins, repeats=True))
    remarks = (*notes, *tuner.remarks(tuned), *_unchanged(study, both))
    return Work(both, runs, kind, tuned, remarks, (*contrasts, *_tuned_contrasts(contrasts, both)))


def _tuned_contrasts(contrasts: Sequence[Contrast], both: Study) -> Iterator[Contrast]:
    """The same questions of the arms at their best values; an arm without anything to tune is itself."""
    labels = {arm.label for arm in both.arms}
    for each in contrasts:
        best = [tuned_label(label) if tuned_label(label) in labels else label for label in (each.arm, each.reference)]
        yield replace(each, arm=best[0], reference=best[1], tuned=True)


def _unchanged(study: Study, both: Study) -> Iterator[str]:
    """A sentence for the arms that tuning left as they are."""
    labels = {arm.label for arm in both.arms}
    same = [arm.label or "the file" for arm in study.arms if tuned_label(arm.label) not in labels]
    if same:
        yield f"tuning found nothing better than the values that these have: {', '.join(same)}"


def headline(recipes: Sequence[Recipe]) -> str:
    """The metric by which runs are compared unless the user names another: one that all of them have."""
    if any(recipe.validation == 0 for recipe in recipes):
        return "train_loss"
    return "val_accuracy" if all(recipe.dataset.task == "classification" for recipe in recipes) else "val_loss"


def fail(failures: Sequence[Failed], runs: int, what: str = "runs") -> None:
    """Raises what the failures of some of so many runs amount to; nothing where there are none."""
    if not failures:
        return
    message = "\n".join(dict.fromkeys(failure.message for failure in failures))
    kinds = {failure.error for failure in failures}
    if len(failures) == runs and len(kinds) == 1 and hasattr(errors, failures[0].error):
        raise getattr(errors, failures[0].error)(message)
    raise SomeFailedError(f"{len(failures)} of {runs} {what} failed:\n{message}")


def run_study(
    study: Study,
    lab: Lab,
    plugins: Sequence[Path] = (),
    *,
    fresh: bool = False,
    most: int = MAX_RUNS,
    hooks: Sequence[Hook] = (),
    notify: Notify,
    ablation: Ablation | None = None,
) -> StudyResult:
    """Trains what is missing of a study, tuning runs first, and reads the rest.

    Args:
        study: as the user asks for it.
        lab: with what to train.
        plugins: files with tricks of the user's own.
        fresh: whether to forget earlier runs; of a tuning's only damaged ones, for the others are what they would be.
        most: runs that a tuning may have.
        hooks: see the loop of a single run, which is trained in this process.
        notify: is told warnings of a single run.
        ablation: the questions of an ablation, whose arms are those of the study.

    Raises:
        UsageError, DamagedError, LockedError, FileSystemError: of a single run; those of a study's runs are entries.
        SomeFailedError: tuning runs failed, so that no fair choice can be made.
        StoppedError: after a signal; the same call goes on.
    """
    work = next_work(study, lab, plugins, fresh=fresh, most=most, ablation=ablation)
    if not study.several and lab.means.local:
        (arm, experiment), *_ = work.pairs
        run = _train_single(arm, experiment, study, lab, fresh, hooks, notify)
        return StudyResult(study, (Entry(arm, experiment, run.path, run),), work.metric, notes=work.notes)
    work = finish_tuning(work, study, lab, plugins, fresh=fresh, most=most, ablation=ablation)
    plan = plan_of(work, lab, fresh=fresh)
    if study.several:
        save(work, lab.means.runs_dir)
    failures = lab.train(plan, work.metric, fresh=fresh)
    return StudyResult(work.study, ends(work, plan, failures), work.metric, work.tuned, work.notes)


def finish_tuning(
    work: Work,
    study: Study,
    lab: Lab,
    plugins: Sequence[Path],
    *,
    fresh: bool,
    most: int,
    ablation: Ablation | None = None,
) -> Work:
    """Trains what a tuning needs until what is judged comes next; arguments and errors as of ``run_study``."""
    while work.kind == "tuning":
        plan = plan_of(work, lab)
        if fresh and "damaged" in plan.done.values():
            for damaged in plan.runs:
                if plan.done.get(damaged.number) == "damaged":
                    forget(damaged)
            plan = plan_of(work, lab)
        failures = lab.train(plan, work.metric)
        fail(list(failures.values()), len(work.pairs), "tuning runs")
        work = next_work(study, lab, plugins, fresh=fresh, most=most, ablation=ablation)
    return work


def ends(work: Work, plan: Plan, failures: Mapping[int, Failed]) -> tuple[Entry, ...]:
    """What has become of the runs of some work that was planned and trained."""
    runs = {run.experiment.hash: _end(run, plan, failures.get(run.number)) for run in plan.runs}
    return tuple(Entry(arm, experiment, *runs[experiment.hash]) for arm, experiment in work.pairs)


def plan_of(work: Work, lab: Lab, *, fresh: bool = False) -> Plan:
    """The work on folders, stacks and workers.

    Raises:
        UsageError, DamagedError: runs that cannot be trained.
    """
    # Arms at their best points can be the same run, which is trained once.
    distinct = {experiment.hash: (arm, experiment) for arm, experiment in reversed(work.pairs)}
    with located(work.study.document):
        role = "tuning" if work.kind == "tuning" else None
        return replace(lab.plan(lab.place(reversed(distinct.values()), role), fresh=fresh), title=role or "")


def _end(run: PlannedRun, plan: Plan, failure: Failed | None) -> tuple[Path, Run | None, Failed | None]:
    """Where a run lies and what has become of it."""
    if failure is None:
        try:
            return run.path, reused(run.path) if run.number in plan.done else _ended(run), None
        except (DamagedError, FileSystemError) as error:
            failure = Failed(run.number, type(error).__name__, str(error), error.exit_code)
    return run.path, None, failure


def _ended(run: PlannedRun) -> Run:
    result = reading.read_result(run.path)
    if result is None:
        raise DamagedError(f"{run.path}: its result has vanished since it was trained")
    return Run(run.path, result)


def reused(path: Path) -> Run:
    """A run that had ended before, every byte of it checked."""
    try:
        reading.verify(path)
    except NewerFormatError:
        raise
    except DamagedError as error:
        raise DamagedError(f"{error}; --fresh starts anew") from error
    return read(path, reused=True)


def save(work: Work, runs_dir: Path, until: Mapping[str, Any] | None = None) -> None:
    """Writes study.json: what is planned, before any of it is trained; of a study that may end early also its looks."""
    runs = [
        {"hash": experiment.hash, "arm": arm.label, "seed": experiment.config["seed"]} for arm, experiment in work.pairs
    ]
    record: Mapping[str, Any] = {
        "kind": work.kind,
        "metric": work.metric,
        "arms": [{"label": arm.label, "varied": arm.varied} for arm in work.study.arms],
        "seeds": list(work.study.seeds) if work.study.seeds is not None else None,
        "baseline": work.baseline,
        "margin": work.study.margin,
        "contrasts": [{**asdict(each), "tricks": list(each.tricks)} for each in work.contrasts] or None,
        "runs": runs,
        "tuned": None if work.tuned is None else work.tuned.to_json(),
        "notes": list(work.notes),
        **({} if until is None else {"until": until}),
    }
    study_file.save(runs_dir / work.pairs[0][1].name, record)


def _train_single(
    arm: Arm,
    experiment: Experiment,
    study: Study,
    lab: Lab,
    fresh: bool,
    hooks: Sequence[Hook],
    notify: Notify,
) -> Run:
    """Trains one run in this process, where hooks see the loop."""
    lab.take_threads()
    (run,) = lab.place([(arm, experiment)])
    if fresh:
        # What cannot be trained must not cost what was.
        with located(study.document):
            build([experiment], lab.datasets)
        forget(run)
    elif reading.status(run.path) in ("finished", "diverged", "damaged"):
        return reused(run.path)
    heard: list[Event] = []

    def tell(event: Event) -> None:
        if isinstance(event, Notice):
            notify(event.message)
        elif isinstance(event, (Ended, Failed)):
            heard.append(event)

    train_stack([run], tell, lab.signals, lab.datasets, hooks)
    (event,) = heard
    if isinstance(event, Failed):
        with located(study.document):
            fail([event], 1)
    return read(run.path, reused=isinstance(event, Ended) and event.reused)
