from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from cli.shell import all_decisive, decisive, environment, stats, tree
from hypothesis import given, settings
from hypothesis import strategies as st

import dltricks
from dltricks.api.session import Run
from dltricks.core.errors import DamagedError, LockedError, SomeFailedError, UsageError
from dltricks.core.parallel import pool
from dltricks.engine.hooks import Hook
from dltricks.engine.trainer import Trainer
from dltricks.runs import lock, reading


class StopAfter(Hook):
    """Ends the process, as far as the run folder can tell, after some steps."""

    class Crash(BaseException):
        pass

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_step_end(self, run: Trainer) -> None:
        if run.t == self.steps:
            raise self.Crash

    def on_epoch_end(self, run: Trainer) -> None:
        if run.t == -self.steps:
            raise self.Crash


def test_returns_runs_with_metrics_as_arrays(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", dropout=0.5, epochs=3)
    assert run.config["dropout"] == {"name": "dropout", "rate": 0.5}
    assert run.status == "finished"
    assert not run.reused
    assert run.path.is_dir()
    assert {"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr", "grad_norm"} <= set(run.metrics)
    for name, values in run.metrics.items():
        assert values.dtype == np.float64
        assert values.tolist() == [line[name] for line in run.history]
    assert run.metrics["epoch"].tolist() == [1, 2, 3]
    assert run.weights()["2.linear.W"].shape == (64, 16)
    assert repr(run).startswith("Run(path=")
    assert len(repr(run)) < 200


def test_an_interrupted_run_goes_on_after_its_data_were_moved(folder: Path) -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 2 else 'no'}" for i in range(60)]
    (folder / "a.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    data = {"name": "csv", "path": "a.csv", "target": "label"}
    values = {"limit": "none", "epochs": 3, "checkpoint_seconds": 1e-9}
    (calm,) = dltricks.train("small.yaml", runs_dir="calm", dataset=data, **values)
    with pytest.raises(StopAfter.Crash):
        dltricks.train("small.yaml", hooks=[StopAfter(5)], dataset=data, **values)
    (folder / "sub").mkdir()
    (folder / "a.csv").rename(folder / "sub" / "a.csv")
    told: list[str] = []
    moved = {**data, "path": "sub/a.csv"}
    (run,) = dltricks.train("small.yaml", dataset=moved, notify=told.append, **values)
    assert "goes on after" in told[-1]
    assert run.history == calm.history
    assert run.path.name == calm.path.name


def test_layer_statistics_are_in_the_history(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", monitor="layers")
    assert "layers" not in run.metrics
    assert all(np.isfinite(list(values.values())).all() for values in run.history[0]["layers"].values())


@pytest.mark.parametrize(
    ("overrides", "values"),
    [
        (["optimizer.lr=0.02", "dropout=0.1"], {}),
        ({"optimizer.lr": 0.02, "dropout": 0.1}, {}),
        ([], {"optimizer": {"name": "adam", "lr": 0.02}, "dropout": np.float64(0.1)}),
        ((), {"optimizer.lr": 0.02, "dropout": 0.1}),
    ],
)
def test_ways_to_give_values(folder: Path, overrides: object, values: dict[str, object]) -> None:
    (first,) = dltricks.train(folder / "small.yaml", ["optimizer.lr=0.02", "dropout=0.1"])
    (again,) = dltricks.train(folder / "small.yaml", overrides, **values)
    assert again.path == first.path
    assert again.reused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dropout": 1.0}, r"argument: dropout\.rate: found 1\.0, allowed: .*below 1"),
        ({"dropuot": 0.1}, "argument: dropuot: unknown key 'dropuot'; did you mean 'dropout'"),
        ({"overrides": "dropout=0.1"}, "overrides: found the text 'dropout=0.1', allowed: a list"),
        ({"overrides": {"epochs": 1}, "epochs": 2}, "epochs: given twice"),
        ({"threads": 0}, "threads: found 0, allowed: a whole number from 1 to 256"),
        ({"threads": 1000}, "threads: found 1000"),
        ({"limit": 5}, "argument: limit: the training part has no sample of class"),
        ({"batch_size": 1000}, "argument: batch_size: 1000 is more than the 300 training samples"),
        ({"dtype": np.float32}, "dtype"),
        ({"seeds": 3, "max_runs": 2}, "3 seeds are as many runs, more than the 2 of --max-runs"),
        ({"seeds": 0}, "argument: seeds: found 0"),
        ({"seeds": 2, "batch_size": 1000}, "argument: batch_size: 1000 is more than the 300 training samples"),
        ({"seeds": 2, "threads": 0}, "threads: found 0"),
        ({"seeds": 2, "workers": 0}, "workers: found 0"),
        ({"seeds": 2, "executor": "ray"}, "executor: found 'ray', allowed: serial, processes, dask"),
        ({"seeds": 2, "executor": "dask"}, "the executor dask needs the address of a scheduler"),
        ({"sweep": {"dropout": [0.1, 1.0]}}, r"dropout\.rate: found 1\.0, .*in the arm dropout=1"),
        ({"sweep": {"dropuot": [0.1]}}, "unknown key 'dropuot'; did you mean 'dropout'"),
        ({"seeds": 2, "hooks": [StopAfter(1)]}, "hooks see the loop of a single run"),
    ],
)
def test_wrong_arguments(folder: Path, arguments: dict[str, object], message: str) -> None:
    before = tree(folder)
    with pytest.raises(UsageError, match=message):
        dltricks.train("small.yaml", **arguments)
    assert tree(folder) == before


def test_a_finished_run_is_read(folder: Path) -> None:
    (first,) = dltricks.train("small.yaml")
    (again,) = dltricks.train("small.yaml", hooks=[StopAfter(1)])
    assert again.reused
    assert again.result == first.result
    assert dltricks.train("small.yaml", fresh=True)[0].reused is False


def test_a_run_is_found_under_any_name(folder: Path) -> None:
    (first,) = dltricks.train("small.yaml")
    (again,) = dltricks.train("small.yaml", name="other", expect={"val_loss": "< 9"}, checkpoint_seconds=5)
    assert again.path == first.path


def test_diverged_runs_are_returned(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", optimizer={"name": "sgd", "lr": 1e30})
    assert run.status == "diverged"
    assert run.kept is None
    assert run.recorded == {}
    assert set(run.result["failure"]) == {"epoch", "step", "layer", "what"}
    assert all(np.isfinite(array).all() for array in run.weights().values())
    assert dltricks.train("small.yaml", optimizer={"name": "sgd", "lr": 1e30})[0].reused


def test_recorded_is_of_the_stored_weights(folder: Path) -> None:
    arguments = {"epochs": 8, "optimizer.lr": 0.2}
    (last,) = dltricks.train("small.yaml", **arguments)
    (best,) = dltricks.train("small.yaml", **arguments, early_stopping={"patience": 8})
    assert (last.kept, best.kept) == ("final", "best")
    assert last.recorded == last.history[-1]
    assert best.recorded == min(best.history, key=lambda line: line["val_loss"])
    assert best.recorded != best.history[-1]


def test_the_same_bytes_twice(folder: Path) -> None:
    (one,) = dltricks.train("small.yaml", runs_dir="one")
    (two,) = dltricks.train("small.yaml", runs_dir="two")
    assert decisive(one.path) == decisive(two.path)
    assert one.path.relative_to("one") == two.path.relative_to("two")


def test_the_same_bytes_with_any_number_of_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large enough that products and updates are shared out."""
    shared = []
    run_jobs = pool.run
    monkeypatch.setattr(pool, "run", lambda jobs: (shared.append(len(jobs)), run_jobs(jobs)))
    found = {}
    for threads in (1, 2, 3):
        (run,) = dltricks.train(
            "small.yaml",
            runs_dir=f"threads{threads}",
            threads=threads,
            epochs=1,
            batch_size=128,
            architecture={"name": "mlp", "hidden": [512, 640]},
            normalization="batch",
            dropout=0.2,
        )
        assert pool.threads == threads
        found[threads] = decisive(run.path)
    assert max(shared) >= 2
    assert found[1] == found[2] == found[3]


TRICKY = {
    "epochs": 4,
    "normalization": "batch",
    "dropout": 0.2,
    "averaging": {"name": "ema", "decay": 0.9},
    "schedule": {"name": "plateau", "patience": 1},
    "early_stopping": {"patience": 3},
    "checkpoint_seconds": 1e-9,
}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A folder with the experiment, and the bytes of its run when nothing disturbs it."""
    folder = tmp_path_factory.mktemp("calm")
    file = folder / "small.yaml"
    file.write_text("dataset: digits\nlimit: 100\noptimizer: momentum\n")
    (run,) = dltricks.train(file, runs_dir=folder / "runs", **TRICKY)
    return file, decisive(run.path)


@settings(max_examples=12, derandomize=True)
@given(stops=st.lists(st.integers(-16, 16).filter(bool), min_size=1, max_size=4).map(lambda s: sorted(s, key=abs)))
def test_crashes_leave_no_trace(
    calm: tuple[Path, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory, stops: list[int]
) -> None:
    """Negative steps crash after the epoch that they end, if they end one."""
    file, expected = calm
    runs_dir = tmp_path_factory.mktemp("runs")
    for steps in stops:
        try:
            dltricks.train(file, runs_dir=runs_dir, hooks=[StopAfter(steps)], notify=lambda message: None, **TRICKY)
        except StopAfter.Crash:
            continue
    (run,) = dltricks.train(file, runs_dir=runs_dir, notify=lambda message: None, **TRICKY)
    assert decisive(run.path) == expected
    reading.verify(run.path)


def test_notify_is_told_where_training_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for notify in (None, (told := []).append):
        with pytest.raises(StopAfter.Crash):
            dltricks.train("small.yaml", fresh=True, checkpoint_seconds=1e-9, hooks=[StopAfter(13)])
        (run,) = dltricks.train("small.yaml", checkpoint_seconds=1e-9, notify=notify)
    assert told == [f"{run.path}: goes on after 13 steps, in epoch 2"]
    assert capsys.readouterr() == ("", f"dltricks: {told[0]}\n")


def test_fresh_forgets_the_checkpoint(folder: Path) -> None:
    with pytest.raises(StopAfter.Crash):
        dltricks.train("small.yaml", checkpoint_seconds=1e-9, hooks=[StopAfter(13)])
    told: list[str] = []
    dltricks.train("small.yaml", fresh=True, checkpoint_seconds=1e-9, notify=told.append)
    assert told == []


def test_two_cannot_train_one_run(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml")
    with lock.hold(run.path), pytest.raises(LockedError, match="process"):
        dltricks.train("small.yaml", fresh=True)


def test_a_run_that_another_process_finished_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found interrupted, finished by another while this one loads the data."""
    (first,) = dltricks.train("small.yaml")
    before = tree(first.path)
    monkeypatch.setattr(reading, "status", lambda path: "interrupted")
    (again,) = dltricks.train("small.yaml", hooks=[StopAfter(1)])
    assert again.reused
    assert {**tree(first.path), ".lock": b""} == {**before, ".lock": b""}


def test_a_damaged_run_is_not_believed(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml")
    (run.path / "weights.npz").unlink()
    with pytest.raises(DamagedError, match=r"weights.npz.*--fresh starts anew"):
        dltricks.train("small.yaml")
    (fresh,) = dltricks.train("small.yaml", fresh=True)
    assert fresh.result == run.result


def test_hooks_are_called_after_the_recorder(folder: Path) -> None:
    class Look(Hook):
        seen = False

        def on_train_end(self, run: Trainer) -> None:
            self.seen = any(folder.glob("runs/*/*/run.json"))

    look = Look()
    dltricks.train("small.yaml", hooks=[look])
    assert look.seen


def test_another_thread_than_the_main_one(folder: Path) -> None:
    """There signals cannot be taken, and need not be."""
    found: list[Run] = []
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    worker = threading.Thread(target=lambda: found.extend(dltricks.train("small.yaml")))
    worker.start()
    worker.join()
    assert found[0].status == "finished"
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_numpy_may_be_imported_before(folder: Path) -> None:
    code = (
        "import numpy, dltricks\n"
        "run = dltricks.train('small.yaml')[0]\n"
        "print(run.status, type(run.metrics['val_loss']).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.stdout, done.stderr) == ("finished ndarray\n", "")


def test_runs_in_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("USERPROFILE", str(folder / "home"))
    (run,) = dltricks.train("small.yaml", runs_dir="~/runs", epochs=1)
    assert run.path.is_relative_to(folder / "home" / "runs")
    assert dltricks.evaluate("small", runs_dir="~/runs").run.path == run.path
    assert not (folder / "~").exists()


def test_the_runs_of_a_study_are_in_the_order_of_the_plan(folder: Path) -> None:
    (one,) = dltricks.train("small.yaml", dropout=0.2, seed=0)
    runs = dltricks.train("small.yaml", sweep={"dropout": [0, 0.2]}, seeds=[2, 0])
    assert [(run.config["dropout"].get("rate", 0), run.config["seed"]) for run in runs] == [
        *[(0, 2), (0, 0)],
        *[(0.2, 2), (0.2, 0)],
    ]
    assert [run.reused for run in runs] == [False, False, False, True]
    assert runs[3].path == one.path
    assert all(run.metrics["epoch"].tolist() == [1, 2] for run in runs)
    assert all(run.reused for run in dltricks.train("small.yaml", ["dropout=0,0.2", "seeds=[0, 2]"]))


@pytest.mark.parametrize("means", [{"executor": "processes", "workers": 1}, {"workers": 2}, {"workers": 4}], ids=str)
def test_the_same_bytes_from_whatever_trains(folder: Path, means: dict[str, object]) -> None:
    values = {"sweep": {"dropout": [0, 0.2], "optimizer.lr": [1e-3, 1e-2]}, "seeds": 2, "normalization": "batch"}
    for runs_dir, chosen in (("serial", {"executor": "serial"}), ("other", means)):
        assert len(dltricks.train("small.yaml", runs_dir=runs_dir, **chosen, **values)) == 8
    assert all_decisive(folder / "serial") == all_decisive(folder / "other")


def test_a_failed_run_does_not_keep_others_from_being_trained(folder: Path) -> None:
    (run,) = dltricks.train("small.yaml", seed=1)
    (run.path / "weights.npz").unlink()
    with pytest.raises(
        SomeFailedError, match=r"(?s)^1 of 3 runs failed:\n.*weights\.npz: missing; --fresh starts anew$"
    ):
        dltricks.train("small.yaml", seeds=3)
    assert len(list(folder.glob("runs/small/*/weights.npz"))) == 2
    with pytest.raises(DamagedError):  # as all of them are
        dltricks.train("small.yaml", seeds=[1])
    assert len(dltricks.train("small.yaml", seeds=3, fresh=True)) == 3


def test_what_cannot_be_trained_costs_nothing_that_was(folder: Path) -> None:
    (folder / "data.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    values = {"dataset": {"name": "csv", "path": "data.csv", "target": "y"}, "limit": "none", "fresh": True}
    for seeds in ({}, {"seeds": 2}):
        dltricks.train("small.yaml", **values, **seeds)
        before = stats(folder / "runs")
        with pytest.raises(UsageError, match="batch_size"):
            dltricks.train("small.yaml", **values, **seeds, batch_size=100)
        assert stats(folder / "runs") == before


def test_a_study_in_another_thread_than_the_main_one(folder: Path) -> None:
    found: list[Run] = []
    worker = threading.Thread(target=lambda: found.extend(dltricks.train("small.yaml", seeds=2, workers=2)))
    worker.start()
    worker.join()
    assert [run.status for run in found] == ["finished", "finished"]
