import json

import pytest
from jsonschema import Draft7Validator

from dltricks.core.errors import UsageError
from dltricks.experiment.document import parse
from dltricks.experiment.file_schema import json_schema
from dltricks.experiment.overrides import from_arguments
from dltricks.experiment.study import experiments, read_study

GRID = {"log": [1e-4, 1e-1], "count": 3}

GOOD = [
    {"seeds": 10},
    {"seeds": "0..9"},
    {"seeds": [0, 5]},
    {"sweep": {}},
    {"sweep": {"dropout": [0, 0.2, "none"], "optimizer": ["sgd", {"name": "adam", "lr": 0.1}]}},
    {"sweep": {"optimizer.lr": GRID, "epochs": "1..3", "batch_size": {"linear": [8, 16], "count": 2}}},
    {"sweep": {"seed.init": "0..3", "architecture.hidden": [[64], [64, 64]]}},
    {"sweep": {"zip": {"dropout": [0, 0.1], "optimizer.lr": [1, 2]}}},
    {"sweep": {"zip": [{"dropout": [0, 0.1], "epochs": "1..2"}, {"limit": [50, 60]}]}},
    {"sweep": {"variants": [{"name": "a"}, {"name": "b", "dropout": 0.5, "optimizer.lr": 3}]}},
    {"sweep": {"sample": {"count": 3, "keys": {"dropout": {"linear": [0, 0.5]}, "optimizer.lr": {"log": [0.1, 1]}}}}},
    {"sweep": {"sample": {"count": 2, "method": "random", "seed": 3, "keys": {"epochs": "1..99", "limit": [50, 60]}}}},
    {"tune": {"optimizer.lr": GRID, "seeds": 3, "extend": True, "metric": "val_loss"}},
    {"tune": {"dropout": [0, 0.5]}},
]
BAD = [
    {"seeds": 0},
    {"seeds": 1.5},
    {"seeds": "0-9"},
    {"seeds": []},
    {"seeds": [0, 0]},
    {"seeds": [1_000_000]},
    {"sweep": 3},
    {"sweep": {"dropout": 0.5}},
    {"sweep": {"dropout": []}},
    {"sweep": {"dropout": [2]}},
    {"sweep": {"droput": [0]}},
    {"sweep": {"seed": [0]}},
    {"sweep": {"seed.inti": [0]}},
    {"sweep": {"name": ["a"]}},
    {"sweep": {"optimizer.lr": {"log": [0, 1], "count": 3}}},
    {"sweep": {"optimizer.lr": {"log": [0.1, 1]}}},
    {"sweep": {"optimizer.lr": {"log": [0.1, 1], "count": 1}}},
    {"sweep": {"optimizer.lr": {"log": [0.1], "count": 2}}},
    {"sweep": {"zip": []}},
    {"sweep": {"zip": {}}},
    {"sweep": {"zip": {"variants": [1]}}},
    {"sweep": {"variants": [{"dropout": 0.1}]}},
    {"sweep": {"variants": [{"name": "a/b"}]}},
    {"sweep": {"variants": []}},
    {"sweep": {"sample": {"keys": {"dropout": [0]}}}},
    {"sweep": {"sample": {"count": 3, "keys": {}}}},
    {"sweep": {"sample": {"count": 3, "method": "sobol", "keys": {"dropout": [0]}}}},
    {"sweep": {"sample": {"count": 3, "keys": {"dropout": {"linear": [0, 1], "count": 3}}}}},
    {"tune": {"optimizer.lr": GRID, "metric": "train_loss"}},
    {"tune": {"optimizer.lr": GRID, "seeds": 0}},
    {"tune": {"optimizer.lr": GRID, "extend": "yes"}},
    {"tune": {"optimizer.lr": 0.1}},
]


@pytest.fixture(scope="module")
def validator():
    return Draft7Validator(json_schema())


@pytest.mark.parametrize("values", GOOD, ids=json.dumps)
def test_schema_and_code_accept(validator, values):
    assert [error.message for error in validator.iter_errors(values)] == []
    assert list(experiments(read_study(parse("{}", "f.yaml"), from_arguments(values))))


@pytest.mark.parametrize("values", BAD, ids=json.dumps)
def test_schema_and_code_refuse(validator, values):
    assert not validator.is_valid(values)
    with pytest.raises(UsageError):
        list(experiments(read_study(parse("{}", "f.yaml"), from_arguments(values))))


def test_every_key_is_described():
    properties = json_schema()["properties"]
    for key in ("seeds", "sweep", "tune"):
        assert len(properties[key]["description"]) > 40
