import pytest
from comparing.made import arm, rate, spread
from comparing.test_compare import compare

from dltricks.core.errors import UsageError


def runs(drops=(0.0, 0.5)):
    return [
        each
        for i, data in enumerate(("digits", "moons"))
        for j, drop in enumerate(drops)
        for each in arm(spread(0.9 - i / 10 + j / 20, seed=i + j), dataset={"name": data}, dropout=rate(drop))
    ]


def test_each_task_has_its_baseline():
    found = compare(runs())
    assert [(row.task, row.label, row.baseline) for row in found.rows] == [
        ("dataset=digits", "dropout=0", True), ("dataset=digits", "dropout=0.5", False),
        ("dataset=moons", "dropout=0", True), ("dataset=moons", "dropout=0.5", False),
    ]  # fmt: skip
    assert set(found.verdicts) == {"dataset=digits: dropout=0.5", "dataset=moons: dropout=0.5"}
    assert found.rows[3].verdict.difference == pytest.approx(0.05, abs=0.02)


def test_all_tasks_together_have_one_number():
    found = compare(runs())
    assert [each.label for each in found.overall] == ["dropout=0", "dropout=0.5"]
    assert found.overall[1].score.value > found.overall[0].score.value
    assert found.overall[0].profile[0] > found.overall[0].profile[-1]
    assert found.scores == ""


def test_losses_are_divided_by_what_the_baseline_has():
    found = compare(runs(), metric="val_loss")
    assert found.scores.startswith("divided by")
    assert found.overall[0].score.value == pytest.approx(1, abs=0.05)
    assert found.overall[1].score.value < 0.9
    # Below a low threshold lie few runs, below a high one all.
    assert found.overall[1].profile[0] <= found.overall[1].profile[-2]


def test_the_user_says_what_a_task_is():
    found = compare(runs(), tasks=())
    assert {row.task for row in found.rows} == {""}
    assert any("different data" in note for note in found.notes)
    other = compare(runs(), tasks=("dropout",))
    assert {row.task for row in other.rows} == {"dropout=0", "dropout=0.5"}


def test_data_sets_alone_are_what_is_compared():
    found = compare([*arm(spread(0.9)), *arm(spread(0.8, seed=1), dataset={"name": "moons"})])
    assert [row.task for row in found.rows] == ["", ""]
    assert [row.label for row in found.rows] == ["dataset=digits", "dataset=moons"]


def test_a_task_without_the_baseline_is_refused():
    some = [
        each
        for each in runs((0.0, 0.2, 0.5))
        if (each.config["dataset"]["name"], each.config["dropout"]["rate"]) != ("moons", 0.0)
    ]
    with pytest.raises(UsageError, match=r"the task dataset=moons has no runs of the baseline 'dropout=0'"):
        compare(some)
    assert compare(some, baseline="dropout=0.2").baseline == "dropout=0.2"
