"""Which runs are compared as what: variants, each with the runs that differ only in seed, and what was planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dltricks.comparing import keys
from dltricks.core.errors import DamagedError
from dltricks.core.spelling import spell
from dltricks.experiment.ablation import Contrast
from dltricks.experiment.settings import TUNING_SEEDS
from dltricks.runs.entry import Entry
from dltricks.runs.reading import ENDED
from dltricks.statistics.paired import Seed

Plan = Mapping[str, Any]
"""The content of study.json."""
SEQUENTIAL = (
    "seeds were added until the verdict was decided: what holds then is what `dltricks train --until decided` prints; "
    "the intervals and verdicts here are those of a study that is looked at once"
)
NAMED = 5
"""Absent arms that are named before the rest is only counted."""


@dataclass(frozen=True)
class Sample:
    """One run of a variant."""

    seed: Seed
    entry: Entry = field(repr=False)


@dataclass(frozen=True)
class Variant:
    """Runs that differ only in seed."""

    label: str
    """Unique within the comparison."""
    varied: Mapping[str, Any]
    """The differing keys with its values."""
    samples: tuple[Sample, ...] = field(repr=False)
    planned: frozenset[Seed] = field(repr=False)
    """Seeds that were to be trained, whatever became of them."""
    task: str = ""
    """The data set and the like that it was trained on, where there are several."""

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are in which state, and how many of those planned are not there."""
        states = Counter[str](sample.entry.status for sample in self.samples)
        absent = len(self.planned - {sample.seed for sample in self.samples})
        return dict(states) | ({"missing": absent} if absent else {})

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of one of its runs; empty where it has none."""
        return self.samples[0].entry.config if self.samples else {}

    @property
    def finished(self) -> tuple[Sample, ...]:
        """The runs that came to their end with finite weights."""
        return tuple(sample for sample in self.samples if sample.entry.status == "finished")


@dataclass(frozen=True)
class Design:
    """What there is to compare."""

    variants: tuple[Variant, ...]
    study: str | None = None
    """The name of the study that planned all of it."""
    metric: str | None = None
    baseline: str | None = None
    margin: float | None = None
    contrasts: tuple[Contrast, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Runs that are compared with nothing, by the reason."""
    damaged: tuple[str, ...] = ()
    """Of each damaged run what is wrong with it."""


def design(entries: Sequence[Entry], plans: Mapping[Path, Plan | DamagedError]) -> Design:
    """Sorts runs into variants: as their study planned them where one planned all, else by their configurations."""
    sound = {folder: plan for folder, plan in plans.items() if not isinstance(plan, DamagedError)}
    notes = [str(plan) for plan in plans.values() if isinstance(plan, DamagedError)]
    left_out: Counter[str] = Counter()
    once: dict[str, Entry] = {}
    for entry in entries:
        if _is_tuning(entry, sound):
            left_out["of a tuning"] += 1
        elif not entry.id:
            left_out[entry.status] += 1
        elif entry.id in once:
            left_out["copies of another"] += 1
            if once[entry.id].status not in ENDED and entry.status in ENDED:
                once[entry.id] = entry
        else:
            once[entry.id] = entry
    damaged = tuple(entry.problem or str(entry.path) for entry in entries if entry.status == "damaged")
    rest = [entry for entry in once.values() if not entry.config]
    once = {entry.id: entry for entry in once.values() if entry.config}
    if len(sound) == 1:
        (folder, plan), *_ = sound.items()
        planned = {run["hash"][:12] for run in plan["runs"]}
        within = [entry for entry in once.values() if entry.id in planned]
        if within and all(entry.id in planned or entry.path.parent == folder for entry in once.values()):
            for entry in rest:
                if entry.id not in planned:
                    left_out[entry.status] += 1
            superseded = len(once) - len(within)
            if superseded:
                left_out["not in the study's plan"] += superseded
            found = _planned(folder, plan, [*within, *(entry for entry in rest if entry.id in planned)])
            return replace(found, notes=(*notes, *found.notes), left_out=dict(left_out), damaged=damaged)
    for entry in rest:
        left_out[entry.status] += 1
    variants, more = _by_configuration(list(once.values()), sound.values())
    margins = {plan.get("margin") for plan in sound.values()}
    margin = next(iter(margins)) if len(margins) == 1 else None
    if len(margins) > 1:
        notes.append("the studies declare different margins, so that none is used; --margin gives one")
    return Design(variants, margin=margin, notes=(*notes, *more), left_out=dict(left_out), damaged=damaged)


def _is_tuning(entry: Entry, plans: Mapping[Path, Plan]) -> bool:
    if entry.role == "tuning":
        return True
    if entry.status in ENDED:
        return False
    # Before its end nothing in the folder says so, but for the seed in a study that tunes.
    plan, seed = plans.get(entry.path.parent), entry.seed
    seeds = seed.values() if isinstance(seed, Mapping) else [seed]
    tunes = plan is not None and plan.get("tuned") is not None
    return tunes and any(isinstance(one, int) and one >= TUNING_SEEDS for one in seeds)


def _planned(folder: Path, plan: Plan, entries: Sequence[Entry]) -> Design:
    """The arms of a study. Seeds of which no arm has a run are not missed: nobody has come to them yet."""
    found = {entry.id: entry for entry in entries}
    seeds = plan["seeds"]
    runs: dict[str, list[tuple[Seed, str]]] = {arm["label"]: [] for arm in plan["arms"]}
    for run in plan["runs"]:
        of_arm = runs.setdefault(run["arm"], [])
        # The study's own number: what the configuration says also depends on purposes that an arm may fix.
        seed = seeds[len(of_arm) % len(seeds)] if seeds else _seed(run["seed"])
        of_arm.append((seed, run["hash"][:12]))
    reached = {seed for of_arm in runs.values() for seed, run_id in of_arm if run_id in found}
    varied = {arm["label"]: arm["varied"] for arm in plan["arms"]}
    variants = [
        Variant(
            name,
            varied.get(name, {}),
            tuple(Sample(seed, found[run_id]) for seed, run_id in of_arm if run_id in found),
            frozenset(seed for seed, _ in of_arm if seed in reached),
        )
        for name, of_arm in runs.items()
        if any(run_id in found for _, run_id in of_arm)
    ]
    contrasts = tuple(
        Contrast(tuple(each["tricks"]), each["kind"], each["arm"], each["reference"], each["tuned"])
        for each in plan.get("contrasts") or ()
    )
    return Design(
        tuple(variants),
        folder.name,
        plan["metric"],
        plan.get("baseline"),
        plan.get("margin"),
        contrasts,
        (*plan["notes"], *_absent(runs, variants), *([SEQUENTIAL] if plan.get("until") else [])),
    )


def _absent(arms: Iterable[str], variants: Sequence[Variant]) -> list[str]:
    """What has to be said where arms of a study are not here: left out by the user, or never trained."""
    here = {variant.label for variant in variants}
    absent = [label for label in arms if label not in here]
    if not absent:
        return []
    named = ", ".join(absent[:NAMED]) + (f" and {len(absent) - NAMED} more" if len(absent) > NAMED else "")
    return [f"planned by the study and without a run here: {named}; p is not adjusted for what is not here"]


def _by_configuration(entries: Sequence[Entry], plans: Iterable[Plan]) -> tuple[tuple[Variant, ...], list[str]]:
    """Groups of runs whose configurations differ in nothing but seeds; and what has to be said of them."""
    groups: dict[str, list[Entry]] = {}
    for key, entry in zip(keys.group_keys([entry.config for entry in entries]), entries, strict=True):
        groups.setdefault(key, []).append(entry)
    together = {run["hash"][:12]: (number, run["arm"]) for number, plan in enumerate(plans) for run in plan["runs"]}
    arms: dict[tuple[int, str], set[Seed]] = {}
    for number, plan in enumerate(plans):
        for run in plan["runs"]:
            arms.setdefault((number, run["arm"]), set()).add(_seed(run["seed"]))
    notes: list[str] = []
    variants, labels = [], Counter[str]()
    for members, varied in zip(
        groups.values(), keys.differing([group[0].config for group in groups.values()]), strict=True
    ):
        seen = Counter(_seed(entry.seed) for entry in members)
        twice = [seed for seed, count in seen.items() if count > 1]
        if twice:
            # The same values, but another hash: other data under the same name, or another plugin.
            which = f"{keys.label(varied)}: " if varied else ""
            notes.append(
                f"{which}{len(twice)} seeds have several runs, of the same configuration but other data or plugins; "
                "these are left out"
            )
        planned = set(seen).union(*(arms[together[entry.id]] for entry in members if entry.id in together))
        samples = [Sample(_seed(entry.seed), entry) for entry in members if seen[_seed(entry.seed)] == 1]
        name = keys.label(varied)
        labels[name] += 1  # values that differ may be spelled alike, as 1 and '1' are
        name = name if labels[name] == 1 else f"{name}#{labels[name]}"
        variants.append(Variant(name, varied, tuple(samples), frozenset(planned) - set(twice)))
    reached = {sample.seed for variant in variants for sample in variant.samples}
    ordered = sorted(variants, key=lambda variant: keys.order(variant.varied))
    return tuple(replace(variant, planned=variant.planned & reached) for variant in ordered), notes


def _seed(seed: Any) -> Seed:
    """A number, or the seeds of all purposes as text."""
    return seed if isinstance(seed, int) else spell(seed)
