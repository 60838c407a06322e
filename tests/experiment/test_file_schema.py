import json

import pytest

from dltricks.core import registry
from dltricks.experiment.document import parse
from dltricks.experiment.file_schema import json_schema
from dltricks.experiment.resolve import resolve, to_yaml
from dltricks.experiment.schema import properties


def validator():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def test_the_schema_is_deterministic_plain_json():
    assert json.dumps(json_schema()) == json.dumps(json_schema())
    assert json.loads(json.dumps(json_schema())) == json_schema()


def test_the_schema_knows_every_trick_with_its_fields():
    schema = json_schema()
    for kind in registry.KINDS:
        for name in registry.names(kind):
            card = schema["definitions"][f"{kind}.{name}"]
            assert card["additionalProperties"] is False
            assert list(card["properties"])[1:] == list(properties(registry.load(kind, name)))
            assert name in schema["properties"][kind]["description"]


VALID = [
    "dataset: digits",
    "optimizer: {name: adam, lr: 1e-3}\ndropout: 0.5\nclipping: 1",
    "early_stopping: {patience: 3}\nlimit: none\nbatch_size: full\nvalidation: test",
    'seed: {init: 3}\nexpect: {val_loss: "< 3e-1"}\nname: x\naugmentation: none',
    "optimizer: sgd\nseed: 9223372036854775807",
]
INVALID = [
    "optimiser: adam",
    "optimizer: adamm",
    "optimizer: {lr: 1}",
    "optimizer: {name: adam, rl: 1}",
    "optimizer: {name: adam, lr: 0}",
    "optimizer: {name: adam, lr: '1'}",
    "dropout: 1",
    "batch_size: 0",
    "seed: -1",
    "seed: {inti: 1}",
    'expect: {val_los: "< 1"}',
    "expect: {val_loss: 1}",
    "dataset: csv",
    "optimizer: null",
]


@pytest.mark.parametrize("text", VALID)
def test_schema_and_resolver_accept_the_same(text):
    document = parse(text, "f.yaml")
    config = resolve(document).config
    assert validator().is_valid(document.value)
    assert validator().is_valid(parse(to_yaml(config), "config.yaml").value)


@pytest.mark.parametrize("text", INVALID)
def test_schema_and_resolver_refuse_the_same(text):
    document = parse(text, "f.yaml")
    assert not validator().is_valid(document.value)
    with pytest.raises(Exception, match=r"f\.yaml"):
        resolve(document)


def test_plugins_are_in_the_schema(tmp_path):
    (tmp_path / "softer.py").write_text(
        '"""Softer."""\n'
        "from dataclasses import dataclass\n"
        "from dltricks.core.penalty import Penalty\n"
        "from dltricks.core.types import Positive\n\n"
        "@dataclass\n"
        "class Softer(Penalty):\n"
        '    """s <- s"""\n'
        "    strength: Positive = 0.25\n"
        '    """How soft."""\n'
    )
    registry.add_plugin(tmp_path / "softer.py")
    try:
        card = json_schema()["definitions"]["penalty.softer"]["properties"]["strength"]
    finally:
        registry.forget_plugins()
    assert card["description"] == "How soft."
    assert card["default"] == 0.25
