from pathlib import Path

import pytest
from comparing.made import arm, entry, plan, rate

from dltricks.comparing.design import design
from dltricks.core.errors import DamagedError

HOME = Path("runs/made")


def test_runs_that_differ_only_in_seed_are_one_variant():
    runs = arm([0.9, 0.8], dropout=rate(0.5)) + arm([0.7, 0.6, 0.5], first=3) + arm([0.1], dropout=rate(0.0))
    found = design(runs, {})
    assert [(each.label, len(each.samples)) for each in found.variants] == [
        ("dropout=none", 3), ("dropout=0", 1), ("dropout=0.5", 2)
    ]  # fmt: skip
    assert found.variants[0].planned == {3, 4, 5}
    assert found.study is None


def test_seeds_of_purposes_are_seeds():
    runs = [entry(seed={"init": seed, "order": 7}) for seed in range(3)]
    (variant,) = design(runs, {}).variants
    assert variant.planned == {"init=0+order=7", "init=1+order=7", "init=2+order=7"}


def test_a_study_says_which_arms_there_are():
    arms = {"dropout=0": arm([0.9, 0.8], dropout=rate(0.0)), "dropout=0.5": arm([0.7, 0.6], dropout=rate(0.5))}
    runs = [each for mine in arms.values() for each in mine]
    extra = arm([0.1], dropout=rate(0.9))
    found = design([*runs, *extra], {HOME: plan(arms, baseline="dropout=0.5", margin=0.1, notes=["a note"])})
    assert [each.label for each in found.variants] == ["dropout=0", "dropout=0.5"]
    assert (found.study, found.baseline, found.margin, found.notes) == ("made", "dropout=0.5", 0.1, ("a note",))
    assert found.left_out == {"not in the study's plan": 1}


def test_what_no_arm_has_come_to_yet_is_not_missed():
    arms = {"a=0": arm([0.9] * 4, epochs=4), "a=1": arm([0.8] * 4, epochs=5)}
    found = design([*arms["a=0"][:3], *arms["a=1"][:2]], {HOME: plan(arms)})
    assert [each.planned for each in found.variants] == [{0, 1, 2}, {0, 1, 2}]
    assert [each.counts for each in found.variants] == [{"finished": 3}, {"finished": 2, "missing": 1}]


def test_in_a_study_seeds_are_its_own_numbers_whatever_purposes_an_arm_fixes():
    arms = {
        "seed.init=1": [entry(seed={"init": 1, "order": seed}) for seed in (5, 6)],
        "seed.init=2": [entry(seed={"init": 2, "order": seed}) for seed in (5, 6)],
    }
    found = design([each for mine in arms.values() for each in mine], {HOME: plan(arms, seeds=[5, 6])})
    assert [each.planned for each in found.variants] == [{5, 6}, {5, 6}]


def test_two_studies_are_told_apart_by_configurations_and_keep_their_planned_seeds():
    first = {"a=0": arm([0.9] * 3, folder="runs/x")}
    second = {"b=0": arm([0.9] * 4, folder="runs/y", epochs=9)}
    runs = [*first["a=0"][:2], *second["b=0"]]
    found = design(runs, {Path("runs/x"): plan(first, margin=0.1), Path("runs/y"): plan(second, margin=0.2)})
    assert [each.label for each in found.variants] == ["epochs=3", "epochs=9"]
    assert [each.planned for each in found.variants] == [{0, 1, 2}, {0, 1, 2, 3}]
    assert found.margin is None
    assert any("different margins" in note for note in found.notes)


def test_runs_of_a_tuning_stay_out():
    arms = {"a=0": arm([0.9, 0.8])}
    tuning = [entry(seed=1_000_000, role="tuning"), entry(seed=1_000_001, status="interrupted")]
    found = design([*arms["a=0"], *tuning], {HOME: plan(arms, tuned={"grids": []})})
    assert found.left_out == {"of a tuning": 2}
    assert [len(each.samples) for each in found.variants] == [2]
    # A single run may have any seed.
    assert design([entry(seed=20_261_128)], {}).left_out == {}


def test_copies_count_once_and_what_ended_counts():
    run, copy = entry(), entry(folder="elsewhere")
    assert design([run, copy], {}).left_out == {"copies of another": 1}
    unfinished = entry(status="interrupted", folder="elsewhere")
    (variant,) = design([unfinished, run], {}).variants
    assert variant.counts == {"finished": 1}


def test_what_is_damaged_is_said_and_the_rest_compared():
    broken = entry(seed=3, status="damaged")
    nothing = entry(seed=4, status="empty")
    object.__setattr__(nothing, "config", {})
    found = design([*arm([0.9, 0.8]), broken, nothing], {})
    assert found.damaged == ("it is damaged",)
    assert found.variants[0].counts == {"finished": 2, "damaged": 1}
    assert found.left_out == {"empty": 1}
    assert design(arm([0.9]), {HOME: DamagedError("study.json: damaged")}).notes == ("study.json: damaged",)


def test_equal_configurations_with_other_data_are_left_out():
    one, other = entry(0.9, 0), entry(0.8, 0)
    object.__setattr__(other, "hash", "0" * 64)
    found = design([one, other, entry(0.7, 1)], {})
    assert found.variants[0].planned == {1}
    assert "other data or plugins" in found.notes[0]


@pytest.mark.parametrize("values", [(1, "1"), (True, "true")])
def test_labels_are_unique(values):
    found = design([entry(epochs=value) for value in values], {})
    assert len({each.label for each in found.variants}) == 2


def test_arms_of_a_study_that_are_not_here_are_named():
    arms = {f"dropout=0.{i}": arm([0.9, 0.8], dropout=rate(i / 10)) for i in range(9)}
    plans = {Path("runs/made"): plan(arms)}
    everything = [each for mine in arms.values() for each in mine]
    assert not design(everything, plans).notes
    (note,) = design(everything[:14], plans).notes
    assert note.startswith("planned by the study and without a run here: dropout=0.7, dropout=0.8; ")
    (note,) = design(everything[:4], plans).notes
    assert "dropout=0.6 and 2 more; p is not adjusted" in note
