"""The variant that all others are compared with, and why it is this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dltricks.comparing import keys
from dltricks.core.errors import UsageError
from dltricks.experiment.arm import tuned_label
from dltricks.experiment.baseline import find_arm


class Candidate(Protocol):
    """A variant, as far as it matters here."""

    @property
    def label(self) -> str:
        """Unique among them."""

    @property
    def varied(self) -> Mapping[str, Any]:
        """The differing keys with its values."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of one of its runs; empty where it has none."""


def choose_baseline(variants: Sequence[Candidate], wanted: str | None, declared: str | None) -> tuple[str, str]:
    """Label of the baseline, and why: the user's, else the file's, else the neutral variant, else the first.

    Args:
        variants: at least one.
        wanted: by the user: a label, or values that no other variant has.
        declared: the label in the plan.

    Raises:
        UsageError: the user's is none of the variants, or several.
    """
    labels = {variant.label: variant.varied for variant in variants}
    if wanted is not None:
        try:
            return find_arm(wanted, labels), "as asked"
        except UsageError as error:
            raise UsageError(f"--baseline: {error}") from error
    if declared in labels:
        return declared, "declared in the file"
    neutral = _neutral(variants)
    if neutral:
        # At its best values it is the fairer one where the others are at theirs.
        best = [label for label in neutral if any(label == tuned_label(other) for other in neutral)]
        return (best or neutral)[0], "the neutral one"
    return variants[0].label, "the first"


def _neutral(variants: Sequence[Candidate]) -> list[str]:
    """Those that do without each of the tricks in which the variants differ."""
    present = [variant for variant in variants if variant.config]
    differences = keys.differing([variant.config for variant in present])
    found = []
    for variant, differing in zip(present, differences, strict=True):
        # That a component brings its own fields along, as sgd does its learning rate, is part of it.
        kinds = {key.partition(".")[0] for key in differing}
        if kinds and all(keys.is_neutral(kind, variant.config.get(kind)) for kind in kinds):
            found.append(variant.label)
    return found if len(found) < len(present) else []
