"""``dltricks worker``: the stacks of a manifest, one by one, as jobs of a cluster train them."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import pytest
from cli.shell import PACED, Call, all_decisive, start, stats, tree

from dltricks.runs import reading, study_file

ARGUMENTS = ("small.yaml", "dropout=0,0.2", "epochs=1,2", "seeds=2")


def stacks(manifest: Path) -> int:
    return len(json.loads(manifest.read_text())["tasks"])


def test_all_stacks_together_are_the_training(cli: Call, folder: Path) -> None:
    assert cli("train", *ARGUMENTS, "--runs-dir", "calm").code == 0
    planned = cli("train", *ARGUMENTS, "--plan", "--manifest", "jobs/m.json")
    assert planned.code == 0
    assert "8 runs in " in planned.out
    assert [path.name for path in (folder / "runs" / "small").iterdir()] == ["study.json"]
    manifest = folder / "jobs" / "m.json"
    listed = []
    for index in reversed(range(stacks(manifest))):
        found = cli("worker", "--manifest", manifest, "--index", index, "--json", "--quiet")
        assert (found.code, found.err) == (0, "")
        listed += json.loads(found.out)
    assert all_decisive(folder / "runs") == all_decisive(folder / "calm")
    plans = [study_file.load(folder / runs / "small") for runs in ("runs", "calm")]
    assert plans[0] == plans[1]
    for run in listed:
        path = run.pop("path")
        assert json.loads((Path(path) / "run.json").read_text()) == run
    before = stats(folder / "runs")
    after = cli("train", *ARGUMENTS, "--json", "--quiet")
    assert after.code == 0
    assert {run["hash"] for run in json.loads(after.out)} == {run["hash"] for run in listed}
    assert stats(folder / "runs") == before


def test_a_stack_that_is_done_already(cli: Call, folder: Path) -> None:
    cli("train", "small.yaml", "--plan", "--manifest", "m.json")
    first = cli("worker", "--manifest", "m.json", "--index", "0", "--format", "csv", "--quiet")
    assert first.code == 0
    head, row = first.out.splitlines()
    assert head == "run,status,epochs"
    assert row.endswith(",finished,2")
    before = stats(folder / "runs")
    assert cli("worker", "--manifest", "m.json", "--index", "0", "--format", "csv", "--quiet") == first
    assert stats(folder / "runs") == before
    assert study_file.load(folder / "runs" / "small") is None  # one run is no study


def test_it_does_not_matter_where_a_worker_is_started(cli: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 2 else 'no'}" for i in range(60)]
    (folder / "a.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    data = ("dataset={name: csv, path: a.csv, target: label}", "limit=none")
    cli("train", "small.yaml", *data, "--plan", "--manifest", "m.json")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert cli("worker", "--manifest", "../m.json", "--index", "0").code == 0
    assert list((folder / "elsewhere").iterdir()) == []
    assert len(list(folder.glob("runs/small/*/run.json"))) == 1


def test_a_tuning_is_planned_before_what_is_judged(cli: Call, folder: Path) -> None:
    arguments = ("small.yaml", "epochs=1", "seeds=2", "tune={optimizer.lr: [1e-4, 0.1], seeds: 2}")
    for seeds, count in (({1_000_000, 1_000_001}, 4), ({0, 1}, 4)):
        assert f"{count} runs in" in cli("train", *arguments, "--plan", "--manifest", "m.json").out
        listed = []
        for index in range(stacks(folder / "m.json")):
            listed += json.loads(cli("worker", "--manifest", "m.json", "--index", index, "--json", "--quiet").out)
        assert len(listed) == count
        assert {run["seed"] for run in listed} == seeds
    assert "all done already" in cli("train", *arguments, "--plan", "--manifest", "m.json").out
    found = cli("worker", "--manifest", "m.json", "--index", "0")
    assert found.code == 2
    assert "nothing is left to train" in found.err


def test_divergence_is_a_result(cli: Call) -> None:
    cli("train", "small.yaml", "optimizer=sgd", "optimizer.lr=1e30", "--plan", "--manifest", "m.json")
    found = cli("worker", "--manifest", "m.json", "--index", "0", "--json", "--quiet")
    assert found.code == 0
    assert json.loads(found.out)[0]["status"] == "diverged"


def test_what_cannot_be_trained(cli: Call, folder: Path) -> None:
    cli("train", "small.yaml", "dropout=0.1,0.2", "--plan", "--manifest", "m.json", "--workers", "1")
    manifest = folder / "m.json"
    before = tree(folder)
    for arguments, code, words in [
        (("m.json", 99), 2, ["m.json: there is no stack 99, allowed: 0"]),
        (("m.json", -1), 2, ["there is no stack -1"]),
        (("none.json", 0), 2, ["none.json: no such file", "--plan --manifest none.json"]),
        (("small.yaml", 0), 4, ["small.yaml: damaged"]),
    ]:
        found = cli("worker", "--manifest", arguments[0], "--index", arguments[1])
        assert (found.code, found.out) == (code, "")
        for word in words:
            assert word in found.err
    assert cli("worker", "--manifest", "m.json", "--index", "one").code == 2
    content = manifest.read_text()
    manifest.write_text(content.replace("adam", "sgd"))
    found = cli("worker", "--manifest", "m.json", "--index", "0")
    assert found.code == 4
    assert "m.json: damaged, its checksum does not match" in found.err
    manifest.write_text(content)
    assert tree(folder) == before


def test_damaged_runs(cli: Call, folder: Path) -> None:
    cli("train", "small.yaml", "seeds=2", "--plan", "--manifest", "m.json", "--workers", "1")
    for index in range(stacks(folder / "m.json")):
        assert cli("worker", "--manifest", "m.json", "--index", index).code == 0
    for run in folder.glob("runs/small/*-*"):
        (run / "run.json").write_text("{}")
    found = cli("worker", "--manifest", "m.json", "--index", "0", "--quiet")
    assert found.code == 4
    assert "run.json: damaged" in found.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends signals differently")
def test_a_worker_that_is_stopped_goes_on(cli: Call, folder: Path) -> None:
    (folder / "paced.py").write_text(PACED)
    arguments = ("small.yaml", "activation=paced", "--plugin", "paced.py", "limit=60", "epochs=15", "seeds=2")
    arguments += ("checkpoint_seconds=0.01", "--workers", "1")
    assert cli("train", *arguments, "--runs-dir", "calm").code == 0
    cli("train", *arguments, "--plan", "--manifest", "m.json")
    (folder / "slow").write_text("0.05")
    running = start("worker", "--manifest", "m.json", "--index", "0", cwd=folder)
    while not list(folder.glob("runs/*/*/checkpoints/*.npz")):
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate()
    assert (running.returncode, out) == (143, "")
    assert "stopped by SIGTERM; the same command goes on from there" in err
    runs = [config.parent for config in folder.glob("runs/*/*/config.yaml")]
    assert {reading.status(run) for run in runs} == {"interrupted"}
    (folder / "slow").unlink()
    for index in range(stacks(folder / "m.json")):
        again = cli("worker", "--manifest", "m.json", "--index", index)
        assert again.code == 0
        assert ("goes on after" in again.err or "go on after" in again.err) == (index == 0)
    assert all_decisive(folder / "runs") == all_decisive(folder / "calm")
