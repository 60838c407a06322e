from pathlib import Path

import pytest
from comparing.made import arm, plan, spread
from comparing.test_compare import compare

HOME = Path("runs/made")
LABELS = ("as it stands", "plain", "without a", "without b", "plain + a", "plain + b")


def question(tricks, kind, arm, reference):
    return {"tricks": list(tricks), "kind": kind, "arm": arm, "reference": reference, "tuned": False}


def ablation(means, n=10, **options):
    """An ablation of the tricks a and b, whose arms have these means."""
    arms = {
        label: arm(spread(mean, seed=i, n=n), epochs=i + 1)
        for i, (label, mean) in enumerate(zip(LABELS, means, strict=True))
    }
    contrasts = [
        *(question(t, "leave out", f"without {t}", "as it stands") for t in "ab"),
        *(question(t, "add", f"plain + {t}", "plain") for t in "ab"),
        question("ab", "leave out", "plain", "as it stands"),
        question("ab", "add", "as it stands", "plain"),
    ]
    study = plan(arms, contrasts=contrasts)
    return compare([each for mine in arms.values() for each in mine], {HOME: study}, **options), arms


def test_helps_speaks_for_the_trick_on_both_sides():
    found, _ = ablation([0.9, 0.5, 0.7, 0.89, 0.6, 0.3])
    a, b, both = found.tricks
    assert [each.tricks for each in found.tricks] == [("a",), ("b",), ("a", "b")]
    assert (a.costs.word, a.brings.word) == ("helps", "helps")
    assert a.costs.gain == pytest.approx(0.2, abs=0.02)
    assert b.brings.word == "hurts"
    assert b.brings.gain == pytest.approx(-0.2, abs=0.02)
    assert all(row.verdict is None for row in found.rows)
    # What both do together, less what each does alone: (0.9 - 0.5) - (0.9 - 0.7) - (0.9 - 0.89).
    assert both.costs.gain == pytest.approx(0.4 - 0.2 - 0.01, abs=0.03)
    assert both.brings.gain == pytest.approx(0.4 - 0.1 + 0.2, abs=0.03)


def test_an_interaction_is_the_difference_of_differences_seed_by_seed():
    found, arms = ablation([0.9, 0.5, 0.7, 0.89, 0.6, 0.3])
    values = {label: [each.final["val_accuracy"] for each in mine] for label, mine in arms.items()}
    expected = [
        (s - p) - (s - a) - (s - b) for s, p, a, b in zip(*(values[label] for label in LABELS[:4]), strict=True)
    ]
    assert found.tricks[2].costs.gain == pytest.approx(sum(expected) / len(expected))
    assert found.tricks[2].costs.paired


def test_the_trick_whose_absence_costs_most_comes_first():
    found, _ = ablation([0.9, 0.5, 0.89, 0.6, 0.6, 0.3])
    assert [each.tricks for each in found.tricks][:2] == [("b",), ("a",)]


def test_a_margin_holds_for_every_question():
    found, _ = ablation([0.9] * 6, margin=0.2)
    assert {each.costs.word for each in found.tricks[:2]} == {"equivalent"}


def test_times_are_counted_to_the_mean_of_an_arm_that_is_named():
    found, arms = ablation([0.9, 0.5, 0.7, 0.89, 0.6, 0.3])
    values = [each.final["val_accuracy"] for each in arms["as it stands"]]
    assert (found.target, found.target_is) == (pytest.approx(sum(values) / len(values)), "the mean of as it stands")


def test_few_seeds_declare_nothing():
    found, _ = ablation([0.9, 0.1, 0.1, 0.1, 0.1, 0.1], n=5)
    assert {each.costs.word for each in found.tricks} == {"inconclusive"}


def test_other_questions_are_answered_where_they_are_asked():
    found, _ = ablation([0.9, 0.5, 0.7, 0.89, 0.6, 0.3], baseline="plain")
    assert found.tricks == ()
    assert found.verdicts["as it stands"] == "helps"


def test_arms_that_are_not_there_leave_their_questions_open():
    _, arms = ablation([0.9, 0.5, 0.7, 0.89, 0.6, 0.3])
    contrasts = [question("a", "leave out", "without a", "as it stands"), question("a", "add", "plain + a", "plain")]
    study = plan(arms, contrasts=contrasts)
    some = [each for label in ("as it stands", "without a") for each in arms[label]]
    (trick,) = compare(some, {HOME: study}).tricks
    assert trick.costs.word == "helps"
    assert trick.brings is None
