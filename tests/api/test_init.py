from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import dltricks
from dltricks.core.errors import UsageError
from dltricks.experiment.document import load_document
from dltricks.experiment.resolve import resolve
from dltricks.experiment.settings import KEYS


def test_the_starter_is_a_whole_experiment(folder: Path) -> None:
    path = dltricks.init()
    assert path == Path("experiment.yaml")
    experiment = resolve(load_document(path))
    assert experiment.name == "experiment"
    text = path.read_text()
    assert "dltricks train experiment.yaml" in text
    shown = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    assert set(KEYS) - shown == {
        "augmentation",
        "limit",
        "dtype",
        "kernels",
        "monitor",
        "checkpoint_seconds",
        "plugins",
    }


def test_what_the_comments_offer_works(folder: Path) -> None:
    """Every value that a comment names is accepted in the place of the one that is there."""
    path = dltricks.init()
    offered = 0
    for key, comment in re.findall(r"^(\w+): .*# or (.*)$", path.read_text(), re.MULTILINE):
        for value in re.findall(r"\{.*?\}|\b[a-z_]+\b", comment) if "number" not in comment else ["1.0"]:
            if comment.startswith("a rate"):
                value = "0.5"
            resolve(load_document(path), dltricks_overrides(f"{key}={value}"))
            offered += 1
    assert offered > 10


def dltricks_overrides(text: str) -> list[object]:
    from dltricks.experiment.overrides import parse_override

    return [parse_override(text)]


def test_the_starter_trains(folder: Path) -> None:
    (run,) = dltricks.train(dltricks.init("mine.yaml"), epochs=5)
    assert run.config["name"] == "mine"
    assert run.recorded["val_accuracy"] > 0.9


@pytest.mark.parametrize(
    "name", ["my experiment.yaml", "no.yaml", "123.yaml", "1e3.yml", "-x.yaml", ".hidden", "a:b.yaml"]
)
def test_any_name_makes_a_valid_file(folder: Path, name: str) -> None:
    experiment = resolve(load_document(dltricks.init(folder / name)))
    assert isinstance(experiment.config["name"], str)


def test_an_existing_file_stays(folder: Path) -> None:
    before = (folder / "small.yaml").read_bytes()
    with pytest.raises(UsageError, match=r"small\.yaml exists already; give another name"):
        dltricks.init("small.yaml")
    assert (folder / "small.yaml").read_bytes() == before
    with pytest.raises(UsageError, match="exists already"):
        dltricks.init(folder)


def test_a_folder_that_is_missing(folder: Path) -> None:
    with pytest.raises(UsageError, match="nowhere is not a folder"):
        dltricks.init("nowhere/experiment.yaml")
    assert not (folder / "nowhere").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither links nor such names")
def test_links_and_control_characters(folder: Path) -> None:
    Path("link.yaml").symlink_to("missing.yaml")
    with pytest.raises(UsageError, match="exists already"):
        dltricks.init("link.yaml")
    for name in ("a\nb.yaml", "a\x1b[31m.yaml", "\x9b.yaml"):
        with pytest.raises(UsageError, match="contains a character"):
            dltricks.init(name)
    assert sorted(path.name for path in folder.iterdir()) == ["link.yaml", "small.yaml"]
