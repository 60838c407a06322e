from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from runs.forging import plan

from dltricks.core.errors import DamagedError, FileSystemError
from dltricks.runs import sealed, study_file


def hashed(letter: str) -> str:
    return letter * 64


def study(*letters: str, **more: Any) -> dict[str, Any]:
    return plan(map(hashed, letters), **more)


def superseded(folder: Path) -> str:
    content = study_file.load(folder)
    assert content is not None
    assert {len(config_hash) for config_hash in content["superseded"]} <= {64}
    return "".join(config_hash[0] for config_hash in content["superseded"])


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "name"
    assert study_file.load(folder) is None
    study_file.save(folder, study("a", "b", seeds=[0, 1], tuned=None))
    content = study_file.load(folder)
    assert content is not None
    del content["sha256"]
    assert content == {"format": 1, **study("a", "b", seeds=[0, 1], tuned=None), "superseded": []}
    assert [path.name for path in folder.iterdir()] == [study_file.NAME]


def test_runs_that_are_planned_no_more_are_remembered(tmp_path: Path) -> None:
    for planned, expected in (("abc", ""), ("cd", "ab"), ("e", "abcd"), ("b", "acde"), ("abcde", "")):
        study_file.save(tmp_path, study(*planned))
        assert superseded(tmp_path) == expected


def test_an_equal_plan_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study_file.save(tmp_path, study("a", "b"))
    study_file.save(tmp_path, study("b", "c"))
    before = (tmp_path / study_file.NAME).read_bytes()
    written: list[Path] = []
    monkeypatch.setattr(sealed, "save", lambda path, content: written.append(path))
    study_file.save(tmp_path, study("b", "c"))
    assert written == []
    assert (tmp_path / study_file.NAME).read_bytes() == before
    study_file.save(tmp_path, study("b", "c", kind="ablation"))
    assert written == [tmp_path / study_file.NAME]


def test_removed_runs_are_forgotten(tmp_path: Path) -> None:
    study_file.forget(tmp_path, [hashed("a")[:12]])
    assert study_file.load(tmp_path) is None
    study_file.save(tmp_path, study("a", "b", "c"))
    study_file.save(tmp_path, study("d"))
    study_file.forget(tmp_path, [hashed(letter)[:12] for letter in "bxd"])
    assert superseded(tmp_path) == "ac"
    content = study_file.load(tmp_path)
    assert content is not None
    # What is planned stays planned.
    assert [run["hash"] for run in content["runs"]] == [hashed("d")]


@pytest.mark.parametrize("act", [study_file.load, lambda folder: study_file.save(folder, study("a"))])
def test_damage_is_seen(tmp_path: Path, act: Any) -> None:
    study_file.save(tmp_path, study("a", "b"))
    path = tmp_path / study_file.NAME
    content = json.loads(path.read_text())
    content["kind"] = "ablation"
    path.write_text(json.dumps(content, indent=2) + "\n")
    with pytest.raises(DamagedError, match=r"study\.json: damaged"):
        act(tmp_path)
    sealed.save(path, {"format": 2, **study("a")})
    with pytest.raises(DamagedError, match="newer dltricks"):
        act(tmp_path)


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("")
    with pytest.raises(FileSystemError, match="name"):
        study_file.save(tmp_path / "name", study("a"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"runs": [{"hash": 1, "arm": "", "seed": 0}]}, "runs.0.hash"),
        ({"arms": None}, "arms"),
        ({"contrasts": [{"tricks": []}]}, "contrasts"),
        ({"notes": [None]}, "notes.0"),
    ],
)
def test_a_right_checksum_does_not_make_a_plan(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    sealed.save(tmp_path / study_file.NAME, {"format": 1, **study("a"), "superseded": [], **changes})
    with pytest.raises(
        DamagedError, match=rf"study\.json: {re.escape(field)} is not what a plan holds there; remove it"
    ):
        study_file.load(tmp_path)
