from __future__ import annotations

from pathlib import Path

import pytest
from execution.plans import experiment

from dltricks.core.errors import UsageError
from dltricks.execution.data import Datasets

MOONS = {"name": "moons", "samples": 50}


def test_equal_data_are_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = Datasets()
    first = datasets.load(experiment(tmp_path, seed=0, dropout=0.1))
    assert datasets.load(experiment(tmp_path, seed=1, scaling="standardize")) is first
    assert Datasets().load(experiment(tmp_path)) is not first


def test_generated_data_are_those_of_their_seed(tmp_path: Path) -> None:
    datasets = Datasets()

    def load(seed: object, **fields: object) -> object:
        return datasets.load(experiment(tmp_path, seed=seed, dataset={**MOONS, **fields}, limit="none"))

    first = load({"data": 1})
    assert load({"data": 1, "init": 5}) is first
    others = [load({"data": 2}), load({"data": 1}, noise=0.3), load({"data": 1}, samples=60)]
    assert len({id(other) for other in [first, *others]}) == 4
    assert (first.x != others[0].x).any()


def test_equal_paths_in_different_folders_are_different_data(tmp_path: Path) -> None:
    found = []
    datasets = Datasets()
    for name, shift in (("a", 0), ("b", 1)):
        folder = tmp_path / name
        folder.mkdir()
        rows = [f"{i + shift},{i % 2}" for i in range(30)]
        (folder / "a.csv").write_text("\n".join(["x,label", *rows]))
        dataset = {"name": "csv", "path": "a.csv", "target": "label", "task": "classification"}
        found.append(datasets.load(experiment(folder, dataset=dataset, limit="none")))
    assert (found[0].x + 1 == found[1].x).all()


def test_what_cannot_be_loaded_names_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = experiment(tmp_path, dataset=MOONS, limit="none")
    for message in ("no such file", "dataset: no such file"):

        def load(self: object, files: object, seed: int, message: str = message) -> None:
            raise UsageError(message)

        monkeypatch.setattr(type(wanted.recipe.dataset), "load", load)
        with pytest.raises(UsageError) as caught:
            Datasets().load(wanted)
        assert str(caught.value) == "dataset: no such file"
