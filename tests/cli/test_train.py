from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from cli.shell import COMMAND, Call, decisive, environment, only_run, process, start, tree

from dltricks.runs import checkpoint, lock, reading


def saved_once(running: subprocess.Popen[str], folder: Path) -> Path:
    """Waits until a training has written its first checkpoint; its run folder."""
    while not (found := list(folder.glob("runs/*/*/checkpoints/*.npz"))):
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    return found[0].parent.parent


def test_trains_and_says_what_comes_next(cli: Call, folder: Path) -> None:
    found = cli("train", "small.yaml", "--quiet")
    run = only_run(folder / "runs").relative_to(folder)
    assert found.code == 0
    assert found.err == ""
    words = found.out.split()
    for metric in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
        assert metric in words
    assert found.out.endswith(f"\nfinished, in {run}\nnext: dltricks evaluate {run}\n")


def test_as_a_process(folder: Path) -> None:
    found = process("train", "small.yaml", "epochs=3", "--runs-dir", "elsewhere", "--threads", 2, cwd=folder)
    assert found.code == 0
    assert reading.read_run(only_run(folder / "elsewhere")).config["epochs"] == 3
    assert not (folder / "runs").exists()


def test_a_finished_run_is_reported_and_not_touched(cli: Call, folder: Path) -> None:
    first = cli("train", "small.yaml")
    before = tree(folder)
    again = cli("train", "small.yaml")
    assert again.code == 0
    assert again.err == ""
    assert again.out == first.out.replace("finished, in", "finished before, in")
    assert tree(folder) == before


def test_fresh_trains_anew_to_the_same_bytes(cli: Call, folder: Path) -> None:
    cli("train", "small.yaml")
    run = only_run(folder / "runs")
    before, written = decisive(run), (run / "run.json").stat().st_mtime_ns
    found = cli("train", "small.yaml", "--fresh")
    assert "\nfinished, in" in found.out
    assert decisive(run) == before
    assert (run / "run.json").stat().st_mtime_ns > written


def test_json_is_a_list_of_run_json_and_path(cli: Call, folder: Path) -> None:
    found = cli("train", "small.yaml", "--json", "--quiet")
    run = only_run(folder / "runs")
    stored = json.loads((run / "run.json").read_text())
    assert json.loads(found.out) == [{**stored, "path": str(run.relative_to(folder))}]
    assert cli("train", "small.yaml", "--format", "json").out == found.out


def test_csv_and_markdown_hold_the_table_alone(cli: Call, folder: Path) -> None:
    cli("train", "small.yaml", "epochs=1")
    final = json.loads((only_run(folder / "runs") / "run.json").read_text())["final"]
    head, *rows = csv.reader(io.StringIO(cli("train", "small.yaml", "epochs=1", "--format", "csv").out))
    assert head == ["metric", "epoch 1 (last, best, stored)"]
    assert {name: float(value) for name, value in rows} == {
        name: final[name] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    }
    lines = cli("train", "small.yaml", "epochs=1", "--format", "markdown").out.splitlines()
    assert lines[0] == "| metric | epoch 1 (last, best, stored) |"
    assert len(lines) == 6


def test_the_stored_epoch_is_named(cli: Call) -> None:
    arguments = ("train", "small.yaml", "epochs=8", "optimizer.lr=0.2", "--format", "csv", "--quiet")
    last = cli(*arguments).out.splitlines()[0]
    assert re.fullmatch(r'metric,"epoch 8 \(last, stored\)",epoch \d \(best\)', last)
    best = cli(*arguments, "early_stopping={patience: 8}").out.splitlines()[0]
    assert re.fullmatch(r'metric,epoch 8 \(last\),"epoch \d \(best, stored\)"', best)


def test_interrupted_runs_go_on(cli: Call, folder: Path) -> None:
    running = start("train", "small.yaml", "epochs=100000", "checkpoint_seconds=0.01", "--quiet", cwd=folder)
    run = saved_once(running, folder)
    assert reading.status(run) == "running"

    second = cli("train", "small.yaml", "epochs=100000")
    assert second.code == 5
    assert f"process {running.pid} on host " in second.err
    assert second.err.startswith(f"dltricks: error: {run.relative_to(folder)}: ")

    running.send_signal(signal.SIGTERM)
    out, err = running.communicate()
    assert running.returncode == 143
    assert out == ""
    stopped = re.fullmatch(
        r"dltricks: stopped by SIGTERM after ([\d,]+) steps, in epoch \d+ of 100000; the same command goes on .*\n", err
    )
    assert stopped
    steps = int(stopped[1].replace(",", ""))
    assert checkpoint.numbers(run / "checkpoints")[-1] == steps
    assert reading.status(run) == "interrupted"

    again = start("train", "small.yaml", "epochs=100000", "checkpoint_seconds=0.01", "--quiet", cwd=folder)
    while checkpoint.numbers(run / "checkpoints")[-1] == steps:
        assert again.poll() is None, again.communicate()
        time.sleep(0.01)
    again.send_signal(signal.SIGINT)
    _, err = again.communicate()
    assert again.returncode == 130
    assert f"goes on after {steps:,} steps, in epoch" in err


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no hang-ups")
def test_a_hang_up(folder: Path) -> None:
    running = start("train", "small.yaml", "epochs=100000", "checkpoint_seconds=0.01", "--quiet", cwd=folder)
    saved_once(running, folder)
    running.send_signal(signal.SIGHUP)
    _, err = running.communicate()
    assert running.returncode == 129
    assert "stopped by SIGHUP" in err


SLOW = '''\
"""Slow: takes a minute."""
import time
from dataclasses import dataclass
from pathlib import Path

from dltricks.activations.relu import Relu as Base


@dataclass
class Slow(Base):
    """y = x, one minute later"""

    def forward(self, x, context):
        if not Path("begun").exists():
            Path("begun").touch()
            for _ in range(6000):
                time.sleep(0.01)
        return super().forward(x, context)
'''


def test_a_second_signal_leaves_now(folder: Path) -> None:
    """In the middle of a step that would take a minute."""
    (folder / "slow.py").write_text(SLOW)
    running = start("train", "small.yaml", "activation=slow", "--plugin", "slow.py", cwd=folder)
    while not (folder / "begun").exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGTERM)  # another, since two that are alike may arrive as one
    out, err = running.communicate()
    assert running.returncode == 143
    assert (out, err) == ("", "")


def test_divergence(cli: Call, folder: Path) -> None:
    found = cli("train", "small.yaml", "--quiet", "optimizer=sgd", "optimizer.lr=1e30", "expect={train_loss: < 1}")
    run = only_run(folder / "runs")
    assert found.code == 3
    assert re.search(
        r"diverged in epoch \d+, step \d+, first in layer \d\.\w+: its .+ is not finite; "
        r"the last finite weights are kept",
        found.err,
    )
    assert found.out == f"\ndiverged, in {run.relative_to(folder)}\n"
    weights = reading.read_weights(run)
    assert weights
    assert all(np.isfinite(array).all() for array in weights.values())

    before = tree(folder)
    again = cli("train", "small.yaml", "optimizer=sgd", "optimizer.lr=1e30")
    assert again.code == 3
    assert "diverged before, in runs/small" in again.out
    assert again.err == found.err
    assert tree(folder) == before


def test_an_expectation_missed(cli: Call, folder: Path) -> None:
    found = cli("train", "small.yaml", "--quiet", 'expect={val_accuracy: ">= 1.0", train_loss: "< 100"}')
    run = only_run(folder / "runs")
    value = json.loads((run / "run.json").read_text())["final"]["val_accuracy"]
    assert found.code == 9
    assert found.err == (
        f"dltricks: error: {run.relative_to(folder)}: expected val_accuracy >= 1.0, found {value:.6g}\n"
    )
    assert "finished, in" in found.out


@pytest.mark.parametrize("name", ["weights.npz", "metrics.jsonl", "config.yaml", "run.json"])
def test_a_damaged_run(cli: Call, folder: Path, name: str) -> None:
    cli("train", "small.yaml")
    path = only_run(folder / "runs") / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = cli("train", "small.yaml")
    assert found.code == 4
    assert name in found.err
    assert "--fresh starts anew" in found.err
    assert cli("train", "small.yaml", "--fresh").code == 0
    assert cli("train", "small.yaml").code == 0


def test_damaged_data(cli: Call, folder: Path) -> None:
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 and then nothing")
    before = tree(folder)
    found = cli("train", "small.yaml", "dataset={name: npz, path: broken.npz}")
    assert found.code == 4
    assert "broken.npz" in found.err
    assert tree(folder) == before


def test_a_lock_that_another_holds(cli: Call, folder: Path) -> None:
    cli("train", "small.yaml")
    with lock.hold(only_run(folder / "runs")):
        found = cli("train", "small.yaml", "--fresh")
    assert found.code == 5
    assert f"process {os.getpid()} on host" in found.err


def test_a_runs_folder_that_cannot_be_written(cli: Call, folder: Path) -> None:
    (folder / "file").write_text("in the way")
    found = cli("train", "small.yaml", "--runs-dir", "file")
    assert found.code == 6
    assert found.err.startswith("dltricks: error: file")
    assert (folder / "file").read_text() == "in the way"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.yaml"], ["none.yaml", "no such file"]),
        (["smal.yaml"], ["smal.yaml", "small.yaml"]),
        (["."], [".", "directory"]),
        (["small.yaml", "epoch=3"], ["command line", "'epoch'", "'epochs'"]),
        (["small.yaml", "epochs"], ["command line", "'epochs'", "key=value"]),
        (["small.yaml", "epochs=0"], ["command line: epochs", "found 0", "above 0"]),
        (["small.yaml", "epochs=1.5"], ["command line: epochs", "1.5", "a whole number"]),
        (["small.yaml", "epochs=many"], ["command line: epochs", "'many'", "a whole number"]),
        (["small.yaml", "epochs=3", "epochs=4"], ["command line: epochs", "twice"]),
        (["small.yaml", "optimizer=adm"], ["command line: optimizer", "'adm'", "'adam'", "sgd"]),
        (["small.yaml", "optimizer.rl=0.1"], ["command line: optimizer", "'rl'", "lr"]),
        (["small.yaml", "optimizer.lr=0"], ["command line: optimizer.lr", "found 0", "above 0"]),
        (["small.yaml", "dropout=1"], ["command line: dropout", "found 1", "below 1"]),
        (["small.yaml", "dropout=-0.1"], ["command line: dropout", "-0.1", "at least 0"]),
        (["small.yaml", "dataset=digit"], ["command line: dataset", "'digit'", "'digits'"]),
        (["small.yaml", "dataset=csv"], ["command line: dataset", "path"]),
        (["small.yaml", "dataset={name: csv, path: no.csv, target: y}"], ["dataset.path", "no.csv"]),
        (["small.yaml", "limit=none", "batch_size=100000"], ["command line: batch_size", "100000", "full"]),
        (["small.yaml", "limit=100000"], ["command line: limit", "100000"]),
        (["small.yaml", "normalization=batch", "batch_size=1"], ["batch_size", "a batch of one", "layer"]),
        (["small.yaml", "limit=301", "batch_size=100", "normalization=batch"], ["301", "batch_size"]),
        (["small.yaml", "validation=test"], ["validation", "test", "digits"]),
        (["small.yaml", "validation=1.0"], ["validation", "1.0", "below 1"]),
        (["small.yaml", "expect={accuracy: '> 0'}"], ["expect.accuracy", "train_accuracy"]),
        (["small.yaml", "name=../up"], ["name", "../up"]),
        (["small.yaml", "seed=-1"], ["seed", "-1", "at least 0"]),
        (["small.yaml", "architecture.hidden=[4000000000000000]"], ["architecture", "memory"]),
        (["small.yaml", "architecture.hidden=[9000000000000000000]"], ["architecture", "memory"]),
        (["small.yaml", "--threads", "0"], ["threads", "found 0", "from 1"]),
        (["small.yaml", "--plugin", "none.py"], ["none.py"]),
        (["small.yaml", "plugins=[none.py]"], ["plugins", "none.py"]),
        (["small.yaml", "schedule={name: cosine, warmup: 5}"], ["warmup", "5", "2"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_input_is_explained_and_writes_nothing(
    cli: Call, folder: Path, arguments: list[str], words: list[str]
) -> None:
    before = tree(folder)
    found = cli("train", *arguments)
    assert found.code == 2, found
    assert found.out == ""
    assert found.err.startswith("dltricks: error: ")
    for word in words:
        assert word.lower() in found.err.lower()
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("batch_size: 100000", ["wrong.yaml:2: batch_size: 100000 is more than the 1617 training samples"]),
        ("limit: 5", ["wrong.yaml:2: limit: the training part has no sample of class"]),
        ("normalization: {name: group, groups: 5}", ["wrong.yaml:2: normalization.groups: ", "nearest number"]),
        ("limit: 301\nbatch_size: 100\nnormalization: batch", ["wrong.yaml:3: batch_size: ", "301 samples"]),
        ("dataset: {name: npz, path: ''}", ["wrong.yaml:2: dataset.path: the path is empty"]),
        ("validation: test", ["wrong.yaml:2: validation: ", "has none"]),
        ("dataset: {name: csv, path: data.csv, target: z}", ["wrong.yaml:2: dataset", "data.csv", "'z'", "y"]),
        ("optimiser: adam", ["wrong.yaml:2: optimiser: unknown key 'optimiser'; did you mean 'optimizer'?"]),
        ("epochs: [1, 2", ["wrong.yaml:"]),
        ("epochs: 1\nepochs: 2", ["wrong.yaml:3", "epochs"]),
    ],
)
def test_mistakes_in_a_file_come_with_their_line(cli: Call, folder: Path, line: str, words: list[str]) -> None:
    (folder / "wrong.yaml").write_text(f"name: wrong\n{line}\n")
    (folder / "data.csv").write_text("x,y\n1,a\n2,b\n")
    found = cli("train", "wrong.yaml")
    assert found.code == 2
    for word in words:
        assert word in found.err


ESCAPE = "\x1b[31m"


@pytest.mark.parametrize(
    "argument",
    [
        f"name={ESCAPE}",
        f"dropout={ESCAPE}",
        f"optimizer={ESCAPE}",
        f"{ESCAPE}=1",
        f"epochs.{ESCAPE}=1",
        f"dataset={{name: csv, path: '{ESCAPE}', target: y}}",
        f"expect={{'{ESCAPE}': '> 1'}}",
    ],
    ids=ascii,
)
def test_escape_codes_in_arguments_are_shown_and_not_sent(cli: Call, folder: Path, argument: str) -> None:
    before = tree(folder)
    found = cli("train", "small.yaml", argument)
    assert found.code == 2
    assert "\x1b" not in found.err
    assert tree(folder) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_hostile_names_of_files(cli: Call, folder: Path) -> None:
    assert "\x1b" not in cli("train", f"{ESCAPE}.yaml").err
    (folder / f"{ESCAPE}.yaml").write_text("dataset: digits\n")
    found = cli("train", f"{ESCAPE}.yaml")
    assert found.code == 2
    assert "\x1b" not in found.err
    runs = f"{ESCAPE}[bold] runs"
    for format in ("table", "markdown", "csv", "json"):
        found = cli("train", "small.yaml", "--runs-dir", runs, "--format", format)
        assert found.code == 0
        assert "\x1b" not in found.out + found.err
    assert "[bold] runs/" in cli("train", "small.yaml", "--runs-dir", runs).out


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such redirections")
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_end_no_training(folder: Path, closed: str) -> None:
    command = f"{shlex.join(COMMAND)} train small.yaml {closed}"
    done = subprocess.run(command, shell=True, cwd=folder, env=environment(), capture_output=True, check=False)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert json.loads((only_run(folder / "runs") / "run.json").read_text())["status"] == "finished"
