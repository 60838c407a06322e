from pathlib import Path

import pytest

import dltricks
from dltricks.core.errors import UsageError


@pytest.fixture
def trained(folder: Path) -> Path:
    """Two studies of the same arms, one of them with a third."""
    common = {"limit": 60, "epochs": 1, "seeds": 2, "architecture": "linear"}
    dltricks.train("small.yaml", sweep={"penalty": ["none", {"name": "l2", "strength": 0.1}]}, name="one", **common)
    dltricks.train("small.yaml", ["optimizer=sgd,adam,momentum"], name="two", margin=0.9, **common)
    return folder


def test_two_sentences_with_the_numbers(trained):
    found = dltricks.verdict("optimizer=adam", "optimizer=sgd")
    assert found.word == "inconclusive"
    assert found.baseline.label == "optimizer=sgd"  # the neutral one, whichever is named first
    assert found.variant.label == "optimizer=adam"
    first, second = found.text.split(". ", 1)
    assert first.startswith("optimizer=adam cannot be told from the baseline yet: val_accuracy of the last epoch is 0.")
    assert first.endswith("of the baseline optimizer=sgd (the neutral one)")
    assert second == found.judged.reason
    assert found.comparison.margin == 0.9
    assert len(found.comparison.rows) == 3  # its p is adjusted for both variants


def test_the_user_names_the_baseline(trained):
    found = dltricks.verdict("optimizer=adam", "optimizer=sgd", baseline="optimizer=adam")
    assert (found.baseline.label, found.comparison.baseline_is) == ("optimizer=adam", "as asked")
    with pytest.raises(UsageError, match=r"--baseline: found 'optimizer=sdg'.*did you mean optimizer=sgd"):
        dltricks.verdict("optimizer=adam", "optimizer=sgd", baseline="optimizer=sdg")


def test_folders_and_patterns(trained):
    runs = sorted(trained.glob("runs/two/optimizer=*"))
    found = dltricks.verdict(runs[0], runs[-1])
    assert found.judged.n in ((0, 0), (1, 1))
    many = dltricks.verdict("runs/two/optimizer=adam-*", "runs/two/optimizer=sgd-*")
    assert many.judged.n == (2, 2)
    assert many.judged.paired
    with pytest.raises(UsageError, match="holds 3 variants"):
        dltricks.verdict("runs/two", "runs/one")
    with pytest.raises(UsageError, match="differ in nothing but their seeds"):
        dltricks.verdict(runs[0], runs[0])
    with pytest.raises(UsageError, match="is no folder"):
        dltricks.verdict(runs[0], "optimizer=sgd")


def test_what_is_not_there_is_refused_with_the_nearest_name(trained):
    with pytest.raises(UsageError, match=r"no study below runs has both of these arms; did you mean optimizer=adam\?"):
        dltricks.verdict("optimizer=adma", "optimizer=sgd")
    with pytest.raises(UsageError, match="both are optimizer=sgd"):
        dltricks.verdict("optimizer=sgd", "optimizer=sgd")


def test_of_several_studies_none_is_taken(trained):
    common = {"limit": 60, "epochs": 1, "seeds": 2, "architecture": "linear"}
    dltricks.train("small.yaml", ["optimizer=sgd,adam"], name="three", **common)
    with pytest.raises(UsageError, match=r"2 studies have both of these arms \(three, two\)"):
        dltricks.verdict("optimizer=adam", "optimizer=sgd")
    assert len(dltricks.verdict("optimizer=adam", "optimizer=sgd", runs_dir="runs/three").comparison.rows) == 2
