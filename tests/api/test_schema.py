from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml
from cli.test_plugins import PLUGIN

import dltricks
from dltricks.core.errors import UsageError


def test_the_schema_accepts_the_starter(folder: Path) -> None:
    schema = dltricks.schema()
    jsonschema.Draft7Validator.check_schema(schema)
    starter = yaml.safe_load(dltricks.init().read_text())
    starter["optimizer"]["lr"] = float(starter["optimizer"]["lr"])  # PyYAML reads 1e-3 as text
    jsonschema.validate(starter, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**starter, "epochs": 0}, schema)


def test_plugins_are_in_it(folder: Path) -> None:
    (folder / "halves.py").write_text(PLUGIN)
    assert "activation.halves" not in dltricks.schema()["definitions"]
    schema = dltricks.schema(plugins=["halves.py"])
    assert "activation.halves" in schema["definitions"]
    jsonschema.validate({"activation": "halves"}, schema)


def test_a_plugin_that_is_missing(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.py"):
        dltricks.schema(plugins=["none.py"])
