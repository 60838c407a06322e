"""Which arms an ablation trains, and what it asks of them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import pytest

from dltricks.core.errors import UsageError
from dltricks.core.registry import KINDS
from dltricks.experiment.ablation import Contrast, ablate, tricks_of
from dltricks.experiment.arm import Arm
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import Override, from_arguments
from dltricks.experiment.resolve import resolve
from dltricks.experiment.study import Study, experiments
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
