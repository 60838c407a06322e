import pytest

from dltricks.core.errors import UsageError
from dltricks.experiment.baseline import find_arm
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import parse_override
from dltricks.experiment.study import experiments, read_study

SWEEP = "sweep:\n  dropout: [0, 0.5]\n  optimizer: [sgd, {name: adam, lr: 0.1}]\n"
ARMS = {
    "dropout=0,optimizer=sgd": {"dropout": 0, "optimizer": "sgd"},
    "dropout=0,optimizer=adam+lr=0.1": {"dropout": 0, "optimizer": {"name": "adam", "lr": 0.1}},
    "dropout=0.5,optimizer=sgd": {"dropout": 0.5, "optimizer": "sgd"},
}


def study(text, *words):
    return read_study(parse(text, "f.yaml"), [parse_override(word) for word in words])


def refusal(text, *words):
    with pytest.raises(UsageError) as error:
        study(text, *words)
    return str(error.value)


def test_without_them_both_are_open():
    found = study(SWEEP)
    assert (found.baseline, found.margin) == (None, None)
    found = study(SWEEP + "baseline: none\nmargin: none")
    assert (found.baseline, found.margin) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "dropout=0,optimizer=adam+lr=0.1",
        "optimizer=adam",
        "optimizer=adam,dropout=0.0",
        "optimizer={name: adam, lr: 1e-1}",
    ],
)
def test_a_baseline_is_an_arm_that_its_label_or_its_values_tell_from_the_others(text):
    assert find_arm(text, ARMS) == "dropout=0,optimizer=adam+lr=0.1"


def test_of_several_arms_none_is_taken():
    with pytest.raises(UsageError, match="describes 2 arms"):
        find_arm("dropout=0", ARMS)


@pytest.mark.parametrize("text", ["dropuot=0,optimizer=sgd", "dropout=0.25", "sgd", "", "=", "optimizer=[", "x" * 400])
def test_what_is_no_arm_is_refused(text):
    with pytest.raises(UsageError, match="none of the arms"):
        find_arm(text, ARMS)


def test_the_nearest_arm_is_named_with_the_line():
    message = refusal(SWEEP.replace("  optimizer: [sgd, {name: adam, lr: 0.1}]\n", "") + "baseline: dropuot=0.5\n")
    assert message.startswith("f.yaml:3: baseline: found 'dropuot=0.5', which is none of the arms")
    assert message.endswith("did you mean 'dropout=0.5'?")


@pytest.mark.parametrize("value", ["0", "-0.1", "yes", "true", "[1]", ".inf", "1e999", "''"])
def test_an_impossible_margin_is_refused_with_its_line(value):
    assert refusal(f"dropout: 0.5\nmargin: {value}").startswith("f.yaml:2: ")


def test_a_baseline_that_is_no_text_is_refused():
    assert "f.yaml:4: baseline: found 0, allowed: the label of an arm" in refusal(SWEEP + "baseline: 0")


def test_a_baseline_without_anything_to_compare_is_refused():
    assert "there is one arm only" in refusal("dropout: 0.5\nbaseline: dropout=0.5")
    assert "there is one arm only" in refusal(SWEEP, "dropout=0", "optimizer=sgd", "baseline=dropout=0")


def test_single_values_in_the_place_of_a_sweep_leave_nothing_to_compare():
    text = "sweep: {dropout: [0, 0.5]}\nbaseline: dropout=0\n"
    assert study(text).baseline == "dropout=0"
    assert study(text, "dropout=0.2").baseline is None
    assert "none of the arms" in refusal(text, "dropout=0.1,0.2")


def test_the_command_line_decides():
    text = SWEEP + "baseline: dropout=0,optimizer=sgd\nmargin: 0.1\n"
    found = study(text, "baseline=dropout=0.5,optimizer=sgd", "margin=0.01")
    assert (found.baseline, found.margin) == ("dropout=0.5,optimizer=sgd", 0.01)
    assert "command line: margin" in refusal(text, "margin=-1")
    assert "command line: baseline" in refusal(text, "baseline=dropout=7")
    assert "a single value is needed" in refusal(text, "margin=0.1,0.2")


def test_an_arm_at_its_best_values_can_be_the_baseline():
    text = "sweep: {optimizer: [sgd, momentum]}\ntune: {optimizer.lr: [0.1, 0.2]}\nbaseline: optimizer=sgd tuned\n"
    assert study(text).baseline == "optimizer=sgd tuned"
    assert study(text, "baseline=tuned=yes,optimizer=momentum").baseline == "optimizer=momentum tuned"


def test_they_change_no_run():
    plain = study(SWEEP)
    told = study(SWEEP + "baseline: dropout=0,optimizer=sgd\nmargin: 0.1\n")
    hashes = [[experiment.hash for _, experiment in experiments(each)] for each in (plain, told)]
    assert hashes[0] == hashes[1]
    assert "margin" not in next(experiments(told))[1].config
