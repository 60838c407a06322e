"""dltricks.schema.json is what ``dltricks schema`` writes, and tells good experiment files from bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

import dltricks
from dltricks.core import registry
from dltricks.experiment.document import load_document

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "dltricks.schema.json"
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
STORED = json.loads(FILE.read_text("utf-8"))
VALIDATOR = Draft7Validator(STORED)


@pytest.fixture(autouse=True)
def _built_in_tricks_only() -> None:
    registry.forget_plugins()


def problems(values: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(values)]


def test_the_file_is_fresh() -> None:
    assert dltricks.schema() == STORED, "out of date: dltricks schema --output dltricks.schema.json"
    text = json.dumps(STORED, indent=2, ensure_ascii=False) + "\n"
    assert FILE.read_bytes() == text.encode(), "not as dltricks schema writes it"


def test_it_is_draft_7() -> None:
    assert STORED["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(STORED)


def test_every_trick_is_in_it() -> None:
    named = {f"{kind}.{name}" for kind in registry.KINDS for name in registry.names(kind)}
    assert set(STORED["definitions"]) == named


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_experiment_is_valid(path: Path) -> None:
    assert problems(load_document(path).value) == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_experiment_names_the_schema(path: Path) -> None:
    """In its first line, where editors look for it."""
    first = path.read_text("utf-8").partition("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == FILE


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"dropout": 0.5, "clipping": 1, "early_stopping": {"patience": 3}},
        {"optimizer": {"name": "adam", "lr": 1}, "schedule": "cosine"},
        {"batch_size": "full", "validation": "test", "limit": "none"},
        {"seed": {"init": 1}, "expect": {"val_accuracy": ">= 0.9"}},
    ],
    ids=json.dumps,
)
def test_it_accepts(good: dict[str, Any]) -> None:
    assert problems(good) == []


@pytest.mark.parametrize(
    "bad",
    [
        [],
        {"optimiser": "adam"},
        {"optimizer": "adan"},
        {"optimizer": {"lr": 0.1}},
        {"optimizer": {"name": "adam", "lr": 0}},
        {"optimizer": {"name": "adam", "lr": "0.1"}},
        {"optimizer": {"name": "sgd", "b1": 0.9}},
        {"dataset": "csv"},
        {"dropout": 1.0},
        {"epochs": 1.5},
        {"batch_size": "all"},
        {"architecture": {"name": "mlp", "hidden": []}},
        {"seed": {"shuffle": 1}},
        {"expect": {"val_accuracy": 0.9}},
        {"expect": {"accuracy": ">= 0.9"}},
        {"early_stopping": None},
    ],
    ids=json.dumps,
)
def test_it_refuses(bad: Any) -> None:
    assert problems(bad) != []
