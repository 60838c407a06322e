"""Many runs from one command: sweeps, seeds, plans, what is trained again, exit codes, and interruptions."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.shell import PACED, SMALL, Call, all_decisive, decisive, process, start, stats, tree

from dltricks.runs import reading, study_file

SWEEP = SMALL + "sweep: {dropout: [0, 0.2]}\nseeds: 3\n"
ARGUMENTS = ("small.yaml", "dropout=0,0.2", "seeds=3")


def trained(cli: Call, *args: object) -> list[dict[str, Any]]:
    """What ``train --json`` prints."""
    found = cli("train", *args, "--json", "--quiet")
    assert (found.code, found.err) == (0, "")
    listed: list[dict[str, Any]] = json.loads(found.out)
    return listed


def damage(run: str | Path) -> None:
    path = Path(run) / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-10])


def test_a_file_and_a_command_line_ask_for_the_same_runs(cli: Call, folder: Path) -> None:
    (folder / "sweep.yaml").write_text(SWEEP)
    of_file = trained(cli, "sweep.yaml", "--runs-dir", "one")
    of_line = trained(cli, *ARGUMENTS, "--runs-dir", "two")
    assert [run["hash"] for run in of_file] == [run["hash"] for run in of_line]
    assert all_decisive(folder / "one") == all_decisive(folder / "two")
    configs = [yaml.safe_load((Path(run["path"]) / "config.yaml").read_text()) for run in of_file]
    order = [(config["dropout"].get("rate", 0), config["seed"]) for config in configs]
    assert order == [(rate, seed) for rate in (0, 0.2) for seed in (0, 1, 2)]
    for run in of_file:
        assert json.loads((Path(run["path"]) / "run.json").read_text()) == {k: v for k, v in run.items() if k != "path"}


def test_a_run_is_the_same_alone_and_in_a_sweep(cli: Call, folder: Path) -> None:
    swept = trained(cli, *ARGUMENTS, "--runs-dir", "swept")[4]
    (alone,) = trained(cli, "small.yaml", "dropout=0.2", "seed=1", "--runs-dir", "alone")
    assert decisive(Path(alone["path"])) == decisive(Path(swept["path"]))


def test_tables(cli: Call, folder: Path) -> None:
    runs = trained(cli, *ARGUMENTS)
    values = [run["final"]["val_accuracy"] for run in runs]
    means = [sum(values[:3]) / 3, sum(values[3:]) / 3]
    table = cli("train", *ARGUMENTS, "--quiet").out.splitlines()
    assert table[0] == "val_accuracy of the last epoch, larger is better"
    assert table[1].split() == ["dropout", "runs", "val_accuracy", "difference", "verdict"]
    assert [line.split()[:2] for line in table[3:5]] == [["0", "3"], ["0.2", "3"]]
    assert [float(line.split()[2]) for line in table[3:5]] == pytest.approx(means, abs=0.006)
    assert "baseline: dropout=0 (the neutral one)" in table
    assert cli("compare", "runs/small").out.splitlines() == table
    rows = list(csv.DictReader(io.StringIO(cli("train", *ARGUMENTS, "--format", "csv").out)))
    assert [row["dropout"] for row in rows] == ["0", "0.2"]
    assert [float(row["mean"]) for row in rows] == pytest.approx(means)
    assert [row["verdict"] for row in rows] == ["", "inconclusive"]
    said, _, table = cli("train", *ARGUMENTS, "--format", "markdown").out.partition("\n\n")
    assert said.startswith("- val_accuracy of the last epoch")
    head, rule, *body = table.splitlines()
    assert head.startswith("| dropout | runs | val_accuracy | difference |")
    assert set(rule) <= set("| -:")
    assert len(body) == 2


def test_progress_goes_to_stderr_unless_quiet(cli: Call) -> None:
    loud = cli("train", *ARGUMENTS)
    assert "6 runs in " in loud.err
    assert "6 finished" in loud.err
    quiet = cli("train", *ARGUMENTS, "--fresh", "--quiet")
    assert quiet.err == ""
    # Times are those of another training.
    assert quiet.out.partition("\n\n")[0] == loud.out.partition("\n\n")[0]


@pytest.mark.parametrize("arguments", [ARGUMENTS, ("small.yaml",), ("small.yaml", "tune={epochs: [1, 2], seeds: 2}")])
def test_a_plan_writes_nothing(cli: Call, folder: Path, arguments: tuple[str, ...]) -> None:
    before = tree(folder)
    for format in ("table", "csv", "markdown", "json"):
        found = cli("train", *arguments, "--plan", "--format", format)
        assert (found.code, found.err) == (0, "")
        assert found.out
    assert tree(folder) == before


def test_a_plan_says_what_is_to_be_done(cli: Call, folder: Path) -> None:
    arguments = (*ARGUMENTS, "epochs=1,2")
    before = cli("train", *arguments, "--plan").out
    assert re.search(r"\n12 runs in \d+ stacks on \d workers?; 0 done already; about \d+\.\d s\n", before)
    assert [line.split()[1:4] for line in before.splitlines()[2:4]] == [["6", "runs", "6"]] * 2
    trained(cli, *ARGUMENTS[:2], "seeds=[0, 2]")
    after = cli("train", *arguments, "--plan").out
    assert re.search(r"\n8 of 12 runs in \d+ stacks on \d workers?; 4 done already; about ", after)
    plan = json.loads(cli("train", *arguments, "--plan", "--json").out)
    assert (plan["runs"], plan["done"], sum(stack["runs"] for stack in plan["stacks"])) == (12, 4, 8)
    assert plan["workers"] >= 1
    assert plan["seconds"] > 0
    trained(cli, *arguments)
    assert "nothing to train: 12 runs, all done already" in cli("train", *arguments, "--plan").out


def test_only_what_is_missing_is_trained(cli: Call, folder: Path) -> None:
    listed = trained(cli, *ARGUMENTS)
    gone = Path(listed[4]["path"])
    before, content = stats(folder / "runs"), all_decisive(folder / "runs")
    shutil.rmtree(gone)
    assert "1 of 6 runs in 1 stack" in cli("train", *ARGUMENTS, "--plan").out
    assert trained(cli, *ARGUMENTS) == listed
    assert all_decisive(folder / "runs") == content
    after = stats(folder / "runs")
    assert {path for path in after if after[path] != before[path]} == {
        path for path in before if path.startswith(f"small/{gone.name}/")
    }
    assert trained(cli, *ARGUMENTS) == listed
    assert stats(folder / "runs") == after


def test_fresh_trains_everything_anew(cli: Call, folder: Path) -> None:
    listed = trained(cli, *ARGUMENTS)
    before, content = stats(folder / "runs"), all_decisive(folder / "runs")
    assert trained(cli, *ARGUMENTS, "--fresh") == listed
    assert all_decisive(folder / "runs") == content
    after = stats(folder / "runs")
    for run in content:
        assert after[f"{run}/run.json"][1] > before[f"{run}/run.json"][1]


def test_a_run_of_another_experiment_is_reused(cli: Call, folder: Path) -> None:
    (other,) = trained(cli, "small.yaml", "name=other", "dropout=0.2", "seed=1", "checkpoint_seconds=5")
    before = stats(folder / "runs" / "other")
    listed = trained(cli, *ARGUMENTS)
    assert listed[4] == other
    assert stats(folder / "runs" / "other") == before
    assert len(list((folder / "runs" / "small").glob("*/run.json"))) == 5


def test_metrics_that_all_arms_have(cli: Call, folder: Path) -> None:
    """Without validation there are no validation metrics."""
    found = cli("train", "small.yaml", "validation=0.1,0", "--quiet")
    assert found.code == 0
    assert found.out.startswith("train_loss of the last epoch, smaller is better\n")
    (folder / "data.csv").write_text("x,y\n" + "".join(f"{i / 40},{i % 2}\n" for i in range(40)))
    arms = "[digits, {name: csv, path: data.csv, target: y, task: regression}]"
    found = cli("train", "small.yaml", "limit=none", f"sweep={{dataset: {arms}}}", "epochs=1", "--quiet")
    assert found.code == 0
    assert found.out.startswith("val_loss of the last epoch, smaller is better\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*ARGUMENTS, "--max-runs", "5"), ["6 runs (2 combinations x 3 seeds)", "5 of --max-runs"]),
        (("small.yaml", "seeds=10001"), ["10,001", "10,000 of --max-runs"]),
        (("small.yaml", "sweep={optimizer.lr: {linear: [0.1, 1], count: 10001}}"), ["10,001", "--max-runs"]),
        (
            ("small.yaml", "dropout=0,0.2", "tune={optimizer.lr: [0.1, 1]}", "--max-runs", "11"),
            ["tuning has 12 runs (4 points x 3 seeds)", "11 of --max-runs"],
        ),
        (("small.yaml", "batch_size=32,301"), ["batch_size: 301 is more than the 300 training samples"]),
        (("small.yaml", "normalization=none,batch", "batch_size=1"), ["batch_size", "a batch of one"]),
        (("small.yaml", "dropout=0,1"), ["dropout.rate: found 1", "in the arm dropout=1"]),
        (("small.yaml", "optimizer=adam,adm"), ["unknown optimizer 'adm'", "in the arm optimizer=adm"]),
        (("small.yaml", "dropout=0,0"), ["dropout", "found 0 twice"]),
        (("small.yaml", "sweep={dropout: []}"), ["sweep.dropout", "empty"]),
        (("small.yaml", "seeds=0"), ["seeds", "found 0"]),
        (("small.yaml", "seeds=[1000000]"), ["seeds", "kept for tuning"]),
        (("small.yaml", "seeds=3", "seed=7"), ["7 is not among the seeds"]),
        ((*ARGUMENTS, "--threads", "0"), ["threads: found 0"]),
        ((*ARGUMENTS, "--workers", "0"), ["workers: found 0", "from 1 to"]),
        ((*ARGUMENTS, "--workers", "5000"), ["workers: found 5000"]),
        ((*ARGUMENTS, "--executor", "serial", "--workers", "2"), ["workers", "serial", "found 2"]),
        ((*ARGUMENTS, "--executor", "dask"), ["dask", "address of a scheduler"]),
        ((*ARGUMENTS, "--executor", "dask", "--scheduler", "tcp://a:1", "--workers", "2"), ["workers", "scheduler"]),
        ((*ARGUMENTS, "--scheduler", "tcp://a:1"), ["dask", "scheduler"]),
        ((*ARGUMENTS, "--manifest", "m.json"), ["--manifest", "--plan"]),
        ((*ARGUMENTS, "--plan", "--manifest", "m.json", "--fresh"), ["--fresh", "worker"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_input_writes_nothing(cli: Call, folder: Path, arguments: tuple[str, ...], words: list[str]) -> None:
    before = tree(folder)
    found = cli("train", *arguments)
    assert (found.code, found.out) == (2, ""), found
    assert found.err.startswith("dltricks: error: ")
    for word in words:
        assert word in found.err
    assert tree(folder) == before


def test_an_unknown_executor(cli: Call) -> None:
    found = cli("train", *ARGUMENTS, "--executor", "ray")
    assert found.code == 2
    assert "'serial', 'processes', 'dask'" in found.err


def test_divergence_is_a_result_unless_all_diverge(cli: Call, folder: Path) -> None:
    arguments = ("small.yaml", "optimizer=sgd", "seeds=2", "expect={train_loss: '< 0'}", "--quiet")
    some = cli("train", *arguments[:-2], "optimizer.lr=0.1,1e30", "--quiet")
    assert (some.code, some.err) == (0, "")
    head, _, *rows = [line.split() for line in some.out.splitlines()[1:5]]
    assert head[2] == "diverged"
    assert [row[2:4] for row in rows] == [["0", "%"], ["100", "%"]]
    assert [run["status"] for run in trained(cli, *arguments[:-2], "optimizer.lr=0.1,1e30")] == [
        *["finished"] * 2,
        *["diverged"] * 2,
    ]
    every = cli("train", *arguments, "optimizer.lr=1e30")
    assert every.code == 3
    assert every.err.count("diverged in epoch") == 2


def test_damaged_runs_fail_and_the_others_are_trained(cli: Call, folder: Path) -> None:
    listed = trained(cli, *ARGUMENTS[:2], "seeds=1")
    damage(listed[0]["path"])
    arguments = (*ARGUMENTS, "--quiet", "expect={val_accuracy: '> 1'}")
    found = cli("train", *arguments, "--json")
    assert found.code == 7  # which outranks 9
    assert "expected" not in found.err
    path = re.escape(listed[0]["path"])
    assert re.fullmatch(
        rf"dltricks: error: 1 of 6 runs failed:\n{path}/metrics.jsonl: damaged.*; --fresh starts anew\n", found.err
    )
    first, *others = json.loads(found.out)
    assert first["status"] == "failed"
    assert (first["seed"], first["path"]) == (0, listed[0]["path"])
    assert first["error"] in found.err
    assert [run["status"] for run in others] == ["finished"] * 5
    table = cli("train", *arguments)
    assert table.code == 7
    assert "1 damaged" in table.out
    assert "metrics.jsonl: damaged" in table.out
    assert cli("train", "small.yaml", "dropout=0", "seeds=1").code == 4
    assert cli("train", *ARGUMENTS, "--fresh").code == 0


def test_expectations_are_those_of_the_file_as_it_is(cli: Call, folder: Path) -> None:
    (folder / "sweep.yaml").write_text(SWEEP)
    listed = trained(cli, "sweep.yaml")
    values = {run["path"]: run["final"]["val_accuracy"] for run in listed}
    bound = sorted(values.values())[3]
    (folder / "sweep.yaml").write_text(SWEEP + f"expect: {{val_accuracy: '>= {bound}'}}\n")
    before = tree(folder / "runs")
    found = cli("train", "sweep.yaml", "--quiet")
    assert found.code == 9
    missed = [path for path, value in values.items() if value < bound]
    assert missed
    assert [line.removeprefix("dltricks: error: ").split(":")[0] for line in found.err.splitlines()] == missed
    assert tree(folder / "runs") == before
    (folder / "sweep.yaml").write_text(SWEEP + "expect: {val_accuracy: '>= 0'}\n")
    assert cli("train", "sweep.yaml").code == 0


def test_study_json(cli: Call, folder: Path) -> None:
    trained(cli, "small.yaml")
    assert study_file.load(folder / "runs" / "small") is None
    listed = trained(cli, *ARGUMENTS)
    study = study_file.load(folder / "runs" / "small")
    assert study is not None
    assert (study["kind"], study["metric"], study["seeds"]) == ("sweep", "val_accuracy", [0, 1, 2])
    assert study["arms"] == [{"label": f"dropout={rate}", "varied": {"dropout": rate}} for rate in (0, 0.2)]
    assert [(run["hash"], run["arm"], run["seed"]) for run in study["runs"]] == [
        (run["hash"], f"dropout={rate}", seed)
        for run, (rate, seed) in zip(listed, [(r, s) for r in (0, 0.2) for s in range(3)], strict=True)
    ]
    assert (study["tuned"], study["notes"], study["superseded"]) == (None, [], [])
    path = folder / "runs" / "small" / "study.json"
    content = path.read_text()
    path.write_text(content.replace("val_accuracy", "val_loss"))
    found = cli("train", *ARGUMENTS)
    assert found.code == 4
    assert "study.json: damaged" in found.err


@pytest.fixture
def paced(folder: Path) -> tuple[str, ...]:
    """A study of two runs that stop early and two long ones, and a plugin that slows it down."""
    (folder / "paced.py").write_text(PACED)
    stop = "sweep={early_stopping: [{monitor: train_loss, patience: 1, min_delta: 99}, none]}"
    few = ("limit=60", "epochs=15", "checkpoint_seconds=0.01", "seeds=2")
    return ("small.yaml", "activation=paced", "--plugin", "paced.py", stop, *few, "--workers", "2")


def wait_for(running: subprocess.Popen[str], found: Any) -> None:
    while not found():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends signals differently")
def test_interruptions_leave_no_trace(cli: Call, folder: Path, paced: tuple[str, ...]) -> None:
    """A terminal's Ctrl-C reaches the whole group; a signal from elsewhere only the process that it is for."""
    listed = trained(cli, *paced[:-2], "--runs-dir", "calm")
    assert sorted(run["epochs"] for run in listed) == [2, 2, 15, 15]
    (folder / "slow").write_text("0.15")
    stormy = folder / "runs"

    def ended() -> list[Path]:
        return list(stormy.glob("*/*/run.json"))

    def saved() -> list[Path]:
        found = stormy.glob("*/*/checkpoints/*.npz")
        return [path for path in found if not (path.parent.parent / "run.json").exists()]

    kept: dict[str, tuple[int, int]] = {}
    for kill, number in [(os.killpg, signal.SIGINT), (os.kill, signal.SIGINT), (os.kill, signal.SIGTERM)]:
        before = saved()
        running = start("train", *paced, cwd=folder, start_new_session=True)
        wait_for(running, lambda before=before: len(ended()) >= 2 and set(saved()) - set(before))
        kill(running.pid, number)
        out, err = running.communicate()
        assert (running.returncode, out) == (128 + number, "")
        assert f"stopped by {number.name}; the same command goes on from there" in err
        assert "Traceback" not in err
        # What was finished is left alone by all that follows.
        assert len(ended()) == 2
        now = stats(stormy)
        assert {path: now[path] for path in kept} == kept
        kept = {path: each for path, each in now.items() if path.endswith("run.json")}
        states = Counter(reading.status(config.parent) for config in stormy.glob("*/*/config.yaml"))
        assert set(states) == {"finished", "interrupted"}
        assert states["finished"] == 2
    (folder / "slow").unlink()
    again = process("train", *paced, "--json", cwd=folder)
    assert again.code == 0
    assert again.err.count("goes on after") + again.err.count("go on after") >= 1
    assert [run["hash"] for run in json.loads(again.out)] == [run["hash"] for run in listed]
    assert all_decisive(stormy) == all_decisive(folder / "calm")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends signals differently")
def test_a_second_signal_leaves_now_and_no_one_behind(folder: Path, paced: tuple[str, ...]) -> None:
    """In the middle of steps that would take a minute."""
    (folder / "slow").write_text("60")
    running = start("train", *paced, cwd=folder, start_new_session=True)
    wait_for(running, lambda: len(list(folder.glob("*.pid"))) == 2)
    os.killpg(running.pid, signal.SIGINT)
    os.kill(running.pid, signal.SIGTERM)  # another, since two that are alike may arrive as one
    out, err = running.communicate()
    assert (running.returncode, out) == (143, "")
    assert "Traceback" not in err
    for path in folder.glob("*.pid"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.stem), 0)
