"""Which arms an ablation trains, what it asks of them, and the table that answers."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.core.errors import UsageError
from dltricks.core.registry import KINDS
from dltricks.experiment.ablation import Contrast, ablate, effects, tricks_of
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import Override, from_arguments
from dltricks.experiment.resolve import resolve
from dltricks.experiment.study import Arm, Study, experiments
from dltricks.experiment.tuning import read_tuning
from dltricks.runs.names import label as folder

NEUTRAL = "scaling: none\ninitializer: uniform\noptimizer: {name: sgd, lr: 0.5}\n"
ONE = f"{NEUTRAL}dropout: 0.2\n"
TWO = f"{ONE}clipping: {{name: value, threshold: 0.1}}\n"
THREE = f"{TWO}schedule: cosine\n"


def study(text, *changes, tune=None):
    document = parse(text, "f.yaml")
    return Study(document, (Arm("", {}, tuple(changes)),), None, tune and read_tuning(document, tune))


def ablation(text, *changes, pairs=False, tune=None):
    one = study(text, *changes, tune=tune)
    return ablate(one, resolve(one.document, one.arms[0].changes), pairs=pairs)


def configs(text, *changes, pairs=False):
    found = ablation(text, *changes, pairs=pairs)
    return {arm.label: resolve(parse(text, "f.yaml"), arm.changes).config for arm in found.arms}


def test_leaving_out_and_adding():
    found = configs(THREE)
    names = {label: [c[key]["name"] for key in ("dropout", "clipping", "schedule")] for label, c in found.items()}
    assert names == {
        "as it stands": ["dropout", "value", "cosine"],
        "plain": ["none", "none", "constant"],
        "without dropout": ["none", "value", "cosine"],
        "without clipping": ["dropout", "none", "cosine"],
        "without schedule": ["dropout", "value", "constant"],
        "plain + dropout": ["dropout", "none", "constant"],
        "plain + clipping": ["none", "value", "constant"],
        "plain + schedule": ["none", "none", "cosine"],
    }
    # With the file's numbers, not with the defaults.
    assert found["plain + dropout"]["dropout"]["rate"] == 0.2
    assert found["plain + clipping"]["clipping"]["threshold"] == 0.1


def test_each_contrast_names_its_two_arms():
    assert ablation(THREE).contrasts == (
        Contrast(("dropout",), "leave out", "without dropout", "as it stands"),
        Contrast(("clipping",), "leave out", "without clipping", "as it stands"),
        Contrast(("schedule",), "leave out", "without schedule", "as it stands"),
        Contrast(("dropout",), "add", "plain + dropout", "plain"),
        Contrast(("clipping",), "add", "plain + clipping", "plain"),
        Contrast(("schedule",), "add", "plain + schedule", "plain"),
    )


def test_one_trick_needs_two_arms():
    found = ablation(ONE, pairs=True)
    assert [arm.label for arm in found.arms] == ["as it stands", "plain"]
    assert found.contrasts == (
        Contrast(("dropout",), "leave out", "plain", "as it stands"),
        Contrast(("dropout",), "add", "as it stands", "plain"),
    )


def test_with_two_tricks_to_leave_one_out_is_to_add_the_other():
    found = ablation(TWO, pairs=True)
    assert [arm.label for arm in found.arms] == ["as it stands", "plain", "without dropout", "without clipping"]
    both = ("dropout", "clipping")
    assert found.contrasts == (
        Contrast(("dropout",), "leave out", "without dropout", "as it stands"),
        Contrast(("clipping",), "leave out", "without clipping", "as it stands"),
        Contrast(both, "leave out", "plain", "as it stands"),
        Contrast(("dropout",), "add", "without clipping", "plain"),
        Contrast(("clipping",), "add", "without dropout", "plain"),
        Contrast(both, "add", "as it stands", "plain"),
    )


@pytest.mark.parametrize("text", [ONE, TWO, THREE, f"{THREE}penalty: l2\n", "optimizer: adam\naveraging: ema\n"])
@pytest.mark.parametrize("pairs", [False, True])
def test_no_configuration_is_trained_twice_and_every_contrast_has_its_arms(text, pairs):
    found = ablation(text, pairs=pairs)
    hashes = {arm.label: resolve(parse(text, "f.yaml"), arm.changes).hash for arm in found.arms}
    assert len(set(hashes.values())) == len(found.arms) == len(hashes)
    assert {c.arm for c in found.contrasts} | {c.reference for c in found.contrasts} <= set(hashes)
    tricks = tricks_of(resolve(parse(text, "f.yaml")))
    asked = [*combinations(tricks, 1), *(combinations(tricks, 2) if pairs else ())]
    assert [c.tricks for c in found.contrasts] == asked * 2


def test_pairs_of_many_tricks():
    labels = [arm.label for arm in ablation(f"{THREE}penalty: l2\n", pairs=True).arms]
    assert "without dropout, penalty" in labels
    # Of four tricks, without two is plain with the two others.
    assert not any(label.startswith("plain + ") and "," in label for label in labels)
    labels = [arm.label for arm in ablation(f"{THREE}penalty: l2\naveraging: ema\n", pairs=True).arms]
    assert "plain + dropout, penalty" in labels
    assert len(labels) == 2 + 5 + 5 + 10 + 10


def test_defaults_are_tricks_too():
    assert tricks_of(resolve(parse("epochs: 1", "f.yaml"))) == ("scaling", "initializer", "optimizer")


def test_a_component_of_the_neutral_name_is_the_same_in_every_arm():
    text = THREE.replace("cosine", "{name: constant, warmup: 2}")
    found = configs(text)
    assert set(found) == {"as it stands", "plain", "without dropout", "without clipping"}
    for config in found.values():
        assert config["optimizer"] == {"name": "sgd", "lr": 0.5}
        assert config["schedule"] == {"name": "constant", "warmup": 2.0}
    assert ablation(text).notes == (
        "optimizer: sgd with lr 0.5 is in every arm, for sgd is the neutral value",
        "schedule: constant with warmup 2.0 is in every arm, for constant is the neutral value",
    )


def test_an_optimizer_is_left_out_with_its_learning_rate():
    text = "optimizer: {name: adam, lr: 0.03}\n"
    found = configs(text)
    assert found["without optimizer"]["optimizer"] == found["plain"]["optimizer"] == {"name": "sgd", "lr": 0.1}
    assert found["plain + optimizer"]["optimizer"] == found["as it stands"]["optimizer"]
    assert found["as it stands"]["optimizer"]["lr"] == 0.03


def test_untuned_optimizers_are_noted():
    text = "optimizer: adam\n"
    (note,) = ablation(text).notes
    assert note.startswith("optimizer: arms with sgd use its default learning rate and nothing was tuned; a tuned ")
    (note,) = ablation(text, tune={"dropout": [0, 0.5]}).notes
    assert "and optimizer.lr was not tuned" in note
    assert ablation(text, tune={"optimizer.lr": [0.1, 0.5]}).notes == ()


def test_augmentations_are_one_trick():
    text = f"{NEUTRAL}dataset: digits\naugmentation: [shift, {{name: noise}}]\n"
    assert [a["name"] for a in configs(text)["as it stands"]["augmentation"]] == ["shift", "noise"]
    assert configs(text)["plain"]["augmentation"] == []
    assert "augmentation: shift, noise are left out and added together, as one trick" in ablation(text).notes


def test_what_has_no_neutral_value_is_noted_where_the_file_names_it():
    notes = ablation(f"{ONE}activation: tanh\n").notes
    assert notes[-1] == "activation tanh is in every arm, without a neutral value; sweep to compare"


def test_changes_of_the_only_arm_stay_except_those_of_what_is_left_out():
    changes = from_arguments({"dropout": {"name": "dropout"}, "dropout.rate": 0.4, "epochs": 3})
    found = configs(TWO, *changes)
    assert {config["epochs"] for config in found.values()} == {3}
    assert found["without clipping"]["dropout"]["rate"] == 0.4
    assert found["without dropout"]["dropout"] == found["plain"]["dropout"] == {"name": "none"}


def test_folders_bear_what_was_left_out():
    arms = {arm.label: folder(arm.varied, 3) for arm in ablation(f"{THREE}penalty: l2\n", pairs=True).arms}
    assert arms["as it stands"] == "s3"
    assert arms["plain"] == "tricks=none-s3"
    assert arms["without dropout"] == "without=dropout-s3"
    assert arms["plain + clipping"] == "plain_with=clipping-s3"
    assert arms["without dropout, clipping"] == "without=dropout+clipping-s3"
    assert len(set(arms.values())) == len(arms)


def test_without_any_trick_there_is_nothing_to_ask():
    with pytest.raises(UsageError, match="there is no trick to leave out") as error:
        ablation(NEUTRAL)
    for key, kind in KINDS.items():
        assert (f"{key} {kind.neutral}" in str(error.value)) == (kind.neutral is not None)


def test_a_sweep_is_refused_with_what_it_sweeps():
    one = study(ONE)
    arms = tuple(
        Arm(f"{rate}", {}, (Override(("dropout", "rate"), rate), Override(("clipping",), {"name": "norm"})))
        for rate in (0.25, 0.5)
    )
    with pytest.raises(UsageError) as error:
        ablate(replace(one, arms=arms), resolve(one.document))
    assert str(error.value) == (
        "f.yaml: an ablation starts from one configuration, and dropout.rate and clipping are swept (2 arms); "
        "fix it with single values: dropout.rate=0.25 clipping=..."
    )


def test_an_arm_that_is_refused_is_named():
    # Batch normalization has nothing to compare in a batch of one.
    text = "normalization: none\nbatch_size: 1\noptimizer: adam\n"
    one = study(text)
    arm = Arm("plain + normalization", {}, (Override(("normalization",), "batch", "ablation"),))
    with pytest.raises(UsageError, match=re.escape("plain + normalization")):
        list(experiments(one, [arm]))


VALUES = {
    "as it stands": {0: 0.90, 1: 0.92},
    "plain": {0: 0.60, 1: 0.70},
    "without dropout": {0: 0.85, 1: 0.91},
    "without clipping": {0: 0.70, 1: 0.76},
}
"""dropout costs 0.05 and 0.01, clipping 0.20 and 0.16, both together 0.30 and 0.22."""


def table(values, larger_is_better=True, text=TWO):
    rows = effects(values, ablation(text, pairs=True).contrasts, larger_is_better)
    return {row.tricks: row for row in rows}


def test_effects_are_mean_paired_differences():
    rows = table(VALUES)
    assert list(rows) == [("clipping",), ("dropout",), ("dropout", "clipping")]
    costs = rows[("dropout",)].costs
    assert costs.mean == pytest.approx(0.03)
    assert costs.deviation == pytest.approx(0.04 / math.sqrt(2))
    assert (costs.pairs, costs.missing) == (2, {})
    assert rows[("clipping",)].costs.mean == pytest.approx(0.18)
    # Added to plain: 0.70 - 0.60 and 0.76 - 0.70.
    assert rows[("dropout",)].brings.mean == pytest.approx(0.08)
    assert rows[("clipping",)].brings.mean == pytest.approx((0.25 + 0.21) / 2)


def test_an_interaction_is_what_two_cost_beyond_the_sum():
    both = table(VALUES)[("dropout", "clipping")]
    assert both.costs.mean == pytest.approx(((0.30 - 0.25) + (0.22 - 0.17)) / 2)
    assert both.costs.deviation == pytest.approx(0.0, abs=1e-12)
    assert both.brings.mean == pytest.approx(((0.30 - 0.35) + (0.22 - 0.27)) / 2)


def test_a_smaller_loss_is_a_gain():
    losses = {label: {seed: -value for seed, value in by_seed.items()} for label, by_seed in VALUES.items()}
    assert table(losses, larger_is_better=False) == table(VALUES)


def test_diverged_runs_are_counted():
    values = {**VALUES, "without dropout": {0: 0.85, 1: None, 2: math.nan}, "as it stands": {0: 0.90, 1: 0.92, 2: 0.9}}
    rows = table(values)
    costs = rows[("dropout",)].costs
    assert (costs.mean, costs.deviation) == (pytest.approx(0.05), None)
    assert (costs.pairs, costs.missing) == (1, {"without dropout": 2})
    # A run that is not there at all lacks as well.
    assert rows[("clipping",)].costs.missing == {"without clipping": 1}
    assert rows[("dropout", "clipping")].costs.missing == {"without dropout": 2, "without clipping": 1, "plain": 1}


def test_a_trick_without_which_nothing_trains_is_on_top():
    nothing = {0: None, 1: None}
    assert list(table({**VALUES, "without dropout": nothing}))[:2] == [("dropout",), ("clipping",)]
    row = table({**VALUES, "without dropout": nothing})[("dropout",)]
    assert (row.costs.mean, row.costs.pairs, row.costs.missing) == (None, 0, {"without dropout": 2})


def test_a_trick_with_which_nothing_trains_is_at_the_bottom():
    contrasts = [
        Contrast((key,), kind, f"{kind} {key}", reference)
        for key, reference in (("a", "good"), ("b", "bad"))
        for kind in ("leave out", "add")
    ]
    values = {label: {0: 0.5} for label in ("good", "leave out a", "leave out b", "add a", "add b")}
    rows = effects({**values, "leave out a": {0: 0.9}, "bad": {0: None}}, contrasts, True)
    assert [row.tricks for row in rows] == [("a",), ("b",)]


def test_interactions_stand_below_and_the_strongest_first():
    tricks = [("dropout", "clipping"), ("dropout", "schedule"), ("clipping", "schedule")]
    values = {arm.label: {0: 0.5} for arm in ablation(THREE, pairs=True).arms}
    # Without dropout and schedule is plain with clipping.
    rows = effects({**values, "plain + clipping": {0: 0.9}}, ablation(THREE, pairs=True).contrasts, True)
    assert {row.tricks for row in rows[3:]} == set(tricks)
    assert rows[3].tricks == ("dropout", "schedule")
    assert rows[3].costs.mean == pytest.approx(-0.4)


SCORES = st.lists(st.floats(-10, 10), min_size=4, max_size=4)


@given(st.lists(SCORES, min_size=2, max_size=6))
def test_effects_are_those_of_two_by_two_analysis(scores):
    labels = list(VALUES)
    values = {label: {seed: row[i] for seed, row in enumerate(scores)} for i, label in enumerate(labels)}
    full, plain, no_dropout, no_clipping = np.array(scores).T
    rows = table(values)
    expected = {
        ("dropout",): (full - no_dropout, no_clipping - plain),
        ("clipping",): (full - no_clipping, no_dropout - plain),
        ("dropout", "clipping"): (
            no_dropout + no_clipping - full - plain,
            full + plain - no_dropout - no_clipping,
        ),
    }
    for tricks, (costs, brings) in expected.items():
        assert rows[tricks].costs.mean == pytest.approx(costs.mean(), abs=1e-9)
        assert rows[tricks].brings.mean == pytest.approx(brings.mean(), abs=1e-9)
        assert rows[tricks].costs.deviation == pytest.approx(np.std(costs, ddof=1), abs=1e-9)
