from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dltricks
from dltricks.api.session import Run, find_run, open_experiment, open_run, read, use_threads
from dltricks.core.cores import available_cores
from dltricks.core.errors import DamagedError, UsageError
from dltricks.core.parallel import pool


@pytest.fixture
def runs(folder: Path) -> list[Run]:
    """Two runs of one experiment and one of another."""
    return [
        *dltricks.train("small.yaml", epochs=1),
        *dltricks.train("small.yaml", epochs=1, seed=1),
        *dltricks.train("small.yaml", epochs=1, name="other", seed=2),
    ]


def test_a_run_is_found_by_path_name_or_id(runs: list[Run]) -> None:
    other = runs[2]
    for text in (
        other.path,
        str(other.path),
        other.path.resolve(),
        "runs/other",
        "other",
        f"other/{other.path.name}",
        other.result["id"],
        other.result["id"][:4],
    ):
        assert find_run(text).resolve() == other.path.resolve()


def test_runs_may_lie_elsewhere(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", epochs=1, runs_dir="elsewhere")
    assert find_run("small", "elsewhere") == run.path
    with pytest.raises(UsageError, match="no such run, and runs holds no runs; name it with --runs-dir"):
        find_run("small")


def test_several_runs_are_listed(runs: list[Run]) -> None:
    with pytest.raises(UsageError) as caught:
        find_run("small")
    assert str(caught.value) == f"runs/small holds 2 runs; name one of them: {runs[0].path}, {runs[1].path}"


def test_ids_that_begin_alike_are_listed(runs: list[Run]) -> None:
    twin = runs[2].path.with_name(f"s9-{runs[0].result['id'][:4]}00000000")
    runs[2].path.rename(twin)
    with pytest.raises(UsageError, match="begins the id of 2 runs; name one of them: ") as caught:
        find_run(runs[0].result["id"][:4])
    assert str(twin) in str(caught.value)
    assert find_run(runs[0].result["id"]) == runs[0].path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smal", "smal: no such run, nor an experiment or id below runs; did you mean small?"),
        ("a1", "a1: no such run, nor an experiment or id below runs"),
        ("small.yaml", "small.yaml: is not a run folder, nor an experiment or id below runs"),
    ],
)
def test_runs_that_are_none(runs: list[Run], text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_run(text)
    assert str(caught.value).startswith(message)


def test_many_runs_are_not_all_listed(folder: Path) -> None:
    for number in range(8):
        path = folder / "runs" / "many" / f"s{number}-{number:012}"
        path.mkdir(parents=True)
        (path / "config.yaml").touch()
    with pytest.raises(UsageError, match=r"holds 8 runs; name one of them: .*s0-.*s4-\d+ and 3 more$"):
        find_run("many")


def test_read_refuses_what_has_not_ended(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a run folder: it has no config\.yaml"):
        read(folder)
    (run,) = dltricks.train("small.yaml", epochs=1)
    (run.path / "run.json").unlink()
    with pytest.raises(UsageError, match="is interrupted and has no result yet; train it again to let it go on"):
        read(run.path)


def test_open_run_rebuilds_the_experiment(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", epochs=1, dropout=0.1)
    stored = open_run(run.path)
    assert stored.experiment.hash == run.result["hash"]
    assert stored.run.result == run.result
    weights = {p.path: v[0] for p, v in stored.evaluator.network.store.views(stored.evaluator.network.store.p)}
    for name, array in weights.items():
        np.testing.assert_array_equal(array, run.weights()[name])


def table(path: Path, last: str) -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 2 else 'no'}" for i in range(60)]
    path.write_text("\n".join(["a,b,label", *rows, last]) + "\n")


CSV = {"dataset": {"name": "csv", "path": "data.csv", "target": "label"}, "limit": "none", "epochs": 1}


def test_data_that_changed_since(folder: Path) -> None:
    table(folder / "data.csv", "61,1,yes")
    (run,) = dltricks.train("small.yaml", **CSV)
    assert open_run(run.path).data.classes
    table(folder / "data.csv", "62,1,yes")
    with pytest.raises(DamagedError, match="a data file or plugin that it was trained with has changed since"):
        open_run(run.path)


def test_data_are_found_from_another_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in the file begin in the file's folder, wherever the run is opened."""
    table(folder / "data.csv", "61,1,yes")
    (run,) = dltricks.train("small.yaml", **CSV)
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert len(open_run(folder / run.path).data.x) == 61


def test_a_configuration_of_another_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = dltricks.train("small.yaml", epochs=1)
    record = read(run.path)
    changed = Run(record.path, {**record.result, "hash": "0" * 64})
    monkeypatch.setattr(Run, "config", {**record.config, "batch_size": 7})
    monkeypatch.setattr("dltricks.api.session.read", lambda path: changed)
    with pytest.raises(DamagedError, match=r"this version of dltricks reads its configuration differently \(batch_s"):
        open_run(run.path)


def test_weights_that_do_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = dltricks.train("small.yaml", epochs=1)
    monkeypatch.setattr(Run, "weights", lambda self: {})
    with pytest.raises(DamagedError, match=r"weights.npz: does not fit the configuration"):
        open_run(run.path)


def test_errors_of_the_engine_come_with_file_and_line(folder: Path) -> None:
    (folder / "big.yaml").write_text("dataset: digits\n\nbatch_size: 5000\n")
    with pytest.raises(UsageError, match=r"^big.yaml:3: batch_size: 5000 is more than"):
        open_experiment("big.yaml").trainer()
    with pytest.raises(UsageError, match=r"^command line: batch_size: 6000 is more than"):
        open_experiment("big.yaml", ["batch_size=6000"]).trainer()


def test_threads() -> None:
    use_threads(3)
    assert pool.threads == 3
    use_threads(None)
    assert pool.threads == available_cores()
    with pytest.raises(UsageError):
        use_threads(-1)
    assert pool.threads == available_cores()


def test_one_experiment_of_a_file_that_asks_for_several(folder: Path) -> None:
    (folder / "many.yaml").write_text("seeds: [4, 2]\nsweep: {dropout: [0, 0.2], epochs: [1, 2]}\n")
    assert open_experiment("many.yaml", ["dropout=0", "epochs=3"]).experiment.config["seed"] == 4
    assert open_experiment("many.yaml", {"sweep": {}, "seed": 7}).experiment.config["seed"] == 7
    for overrides, message in [
        ([], "sweeps dropout and epochs, and a single run is needed here; fix them with dropout=... epochs=..."),
        (["epochs=1"], "sweeps dropout, and a single run is needed here; fix it with dropout=..."),
        (["sweep={variants: [{name: a}, {name: b, epochs: 2}]}"], "sweeps variant, .* leave that out with sweep={}"),
        (["sweep={}", "tune={epochs: [1, 2]}"], "tunes, and a single run is needed here; leave that out with tune={}"),
    ]:
        with pytest.raises(UsageError, match=f"^many.yaml: {message}"):
            open_experiment("many.yaml", overrides)
