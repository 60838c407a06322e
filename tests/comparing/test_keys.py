from dltricks.comparing.keys import differing, group_keys, is_neutral, label, order


def test_seeds_and_what_decides_nothing_tell_no_group_from_another():
    config = {"name": "a", "seed": 1, "dropout": {"name": "none"}, "expect": {}, "plugins": ["a.py"]}
    other = {**config, "name": "b", "seed": {"init": 3}, "expect": {"val_loss": "< 1"}, "plugins": []}
    third = {**config, "dropout": {"name": "dropout", "rate": 0.5}}
    a, b, c, d = group_keys([config, other, third, {**third, "dropout": {"rate": 0.5, "name": "dropout"}}])
    assert a == b != c == d
    assert differing([config, other]) == [{}, {}]


def test_a_number_that_says_it_all_stands_alone():
    rates = [{"dropout": {"name": "dropout", "rate": rate}} for rate in (0.0, 0.5)]
    assert differing(rates) == [{"dropout": 0.0}, {"dropout": 0.5}]
    none = {"dropout": {"name": "none"}}
    assert differing([*rates, none]) == [{"dropout": 0.0}, {"dropout": 0.5}, {"dropout": "none"}]


def test_of_one_component_only_the_fields_that_differ_are_said():
    optimizers = [{"optimizer": {"name": "adam", "lr": lr, "b1": 0.9}} for lr in (0.1, 0.2)]
    assert differing(optimizers) == [{"optimizer.lr": 0.1}, {"optimizer.lr": 0.2}]
    sgd = {"optimizer": {"name": "sgd", "lr": 0.1}}
    assert [label(each) for each in differing([*optimizers, sgd])] == [
        "optimizer=adam+lr=0.1", "optimizer=adam+lr=0.2", "optimizer=sgd"
    ]  # fmt: skip
    assert differing([optimizers[0], sgd]) == [{"optimizer": "adam"}, {"optimizer": "sgd"}]


def test_lists_numbers_and_keys_that_one_lacks():
    found = differing([{"epochs": 3, "augmentation": []}, {"epochs": 4, "augmentation": [{"name": "flip"}], "new": 1}])
    assert [each["epochs"] for each in found] == [3, 4]
    assert [each["new"] for each in found] == [None, 1]
    assert label(found[1]).startswith("epochs=4,augmentation=")


def test_one_configuration_differs_in_nothing():
    assert differing([{"epochs": 3}]) == [{}]
    assert differing([]) == []


def test_none_comes_first_then_numbers_by_size_then_names():
    values = ["sgd", 10, 9, "none", "adam"]
    assert sorted(values, key=lambda value: order({"k": value})) == ["none", 9, 10, "adam", "sgd"]


def test_what_is_neutral():
    assert is_neutral("dropout", {"name": "none"})
    assert is_neutral("dropout", {"name": "dropout", "rate": 0.0})
    assert is_neutral("penalty", {"name": "l2", "strength": 0})
    assert is_neutral("optimizer", {"name": "sgd", "lr": 3.0})
    assert is_neutral("augmentation", [])
    assert not is_neutral("clipping", {"name": "norm", "threshold": 0.0})
    assert not is_neutral("dropout", {"name": "dropout", "rate": 0.1})
    assert not is_neutral("activation", {"name": "identity"})
    assert not is_neutral("epochs", 0)
