import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from runs.disks import BrokenDisk, Killed, VolatileDisk
from runs.toy import CONFIG, ENV, HASH, stable, train

from dltricks.core.errors import DamagedError
from dltricks.runs import checkpoint, files, reading
from dltricks.runs.folder import RunFolder


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "trick.py"
    path.write_text("trick = 1\n")
    return path


@pytest.fixture
def reference(tmp_path, plugin):
    """The stable files of an undisturbed run."""
    path = tmp_path / "reference" / "run"
    train(path, plugins=[plugin])
    reading.verify(path)
    return stable(path)


def operations(monkeypatch, path, **options):
    disk = BrokenDisk()
    with monkeypatch.context() as patch:
        patch.setattr(files, "disk", disk)
        train(path, **options)
    return disk.count


def test_the_files_of_a_run(tmp_path, plugin):
    path = tmp_path / "runs" / "toy" / "s0"
    assert train(path, plugins=[plugin]) == []
    assert sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()) == [
        ".lock",
        "checkpoints/0000000030.npz",
        "checkpoints/0000000040.npz",
        "config.yaml",
        "env.json",
        "metrics.jsonl",
        "plugins/trick.py",
        "run.json",
        "timing.jsonl",
        "weights.npz",
    ]
    result = json.loads((path / "run.json").read_text())
    keys = ["format", "id", "hash", "status", "seed", "epochs", "best", "final", "test", "files", "sha256"]
    assert list(result) == keys
    assert sorted(result["files"]) == ["config.yaml", "metrics.jsonl", "plugins/trick.py", "weights.npz"]
    assert (path / "config.yaml").read_text() == CONFIG


def test_a_repeat_has_the_same_bytes(tmp_path, plugin, reference):
    train(tmp_path / "again", plugins=[plugin])
    assert stable(tmp_path / "again") == reference
    assert len(reference) == 5


@pytest.mark.parametrize("epoch", [1, 2, 3, 4])
def test_an_interrupted_run_goes_on(tmp_path, plugin, reference, epoch):
    begun = []
    train(tmp_path / "run", plugins=[plugin], halt_after=epoch, begun=begun)
    train(tmp_path / "run", plugins=[plugin], begun=begun)
    assert begun == [0, epoch]
    assert stable(tmp_path / "run") == reference
    reading.verify(tmp_path / "run")


def test_metrics_shorter_than_the_newest_checkpoint_says(tmp_path, plugin, reference):
    path, begun = tmp_path / "run", []
    train(path, plugins=[plugin], halt_after=3)
    content = (path / "metrics.jsonl").read_bytes()
    (path / "metrics.jsonl").write_bytes(content[:-1])
    warnings = train(path, plugins=[plugin], begun=begun)
    assert begun == [2]
    assert len(warnings) == 1
    assert warnings[0].endswith("0000000030.npz: metrics.jsonl is shorter than it says")
    assert stable(path) == reference


def test_metrics_without_any_valid_checkpoint(tmp_path):
    train(tmp_path / "run", halt_after=3)
    (tmp_path / "run" / "metrics.jsonl").write_bytes(b"")
    with pytest.raises(DamagedError, match=r"no valid checkpoint.*metrics\.jsonl is shorter.*--fresh"):
        train(tmp_path / "run")
    assert train(tmp_path / "run", fresh=True) == []


def test_damaged_timing_costs_only_its_seconds(tmp_path, plugin, reference):
    path, begun = tmp_path / "run", []
    train(path, plugins=[plugin], halt_after=3)
    (path / "timing.jsonl").write_bytes(b"")
    warnings = train(path, plugins=[plugin], begun=begun)
    assert begun == [3]
    assert "its earlier epochs are dropped" in warnings[0]
    assert stable(path) == reference
    reading.verify(path)


def test_a_damaged_newest_checkpoint_falls_back_and_goes(tmp_path, plugin, reference):
    path, begun = tmp_path / "run", []
    train(path, plugins=[plugin], halt_after=3)
    newest = checkpoint.path_of(path / "checkpoints", 30)
    newest.write_bytes(newest.read_bytes()[:-1])
    warnings = train(path, plugins=[plugin], begun=begun)
    assert begun == [2]
    assert "0000000030.npz: incomplete" in warnings[0]
    assert stable(path) == reference


def test_going_on_from_a_common_number(tmp_path):
    path = tmp_path / "run"
    train(path, halt_after=3)
    folder = RunFolder(path, HASH)
    with folder.hold():
        folder.create(CONFIG)
        found, warnings = folder.resume(ENV, at_most=20)
        assert (found.number, warnings) == (20, [])
        assert len(folder.metrics()) == 2
    assert checkpoint.numbers(path / "checkpoints") == [20]


def test_a_changed_configuration_is_refused_with_its_keys(tmp_path):
    train(tmp_path / "run", halt_after=2)
    changed = CONFIG.replace("0.001", "0.01") + "epochs: 3\n"
    with pytest.raises(DamagedError, match=r"config\.yaml: differs .* in optimizer, epochs; --fresh"):
        train(tmp_path / "run", config=changed)


def decisive(config):
    return {key: value for key, value in config.items() if key not in ("name", "checkpoint_seconds")}


def test_another_name_is_the_same_run_and_nothing_is_rewritten(tmp_path):
    train(tmp_path / "run", halt_after=2)
    train(tmp_path / "run", config=CONFIG.replace("toy", "other") + "checkpoint_seconds: 5\n", decisive=decisive)
    assert (tmp_path / "run" / "config.yaml").read_text() == CONFIG
    reading.verify(tmp_path / "run")


def test_a_flip_in_a_name_is_seen_by_the_checkpoint(tmp_path):
    train(tmp_path / "run", halt_after=2)
    (tmp_path / "run" / "config.yaml").write_text(CONFIG.replace("toy", "tox"))
    with pytest.raises(DamagedError, match=r"config\.yaml is not what it says"):
        train(tmp_path / "run", decisive=decisive)


def test_another_plugin_is_refused(tmp_path, plugin):
    train(tmp_path / "run", plugins=[plugin], halt_after=2)
    plugin.write_text("trick = 2\n")
    with pytest.raises(DamagedError, match="not the plugin that this run began with"):
        train(tmp_path / "run", plugins=[plugin])


def test_another_environment_warns_and_is_remembered(tmp_path):
    path = tmp_path / "run"
    train(path, halt_after=2)
    (warning,) = train(path, env={**ENV, "numpy": "2.5"})
    assert "bytes may differ: numpy: 2.4 -> 2.5" in warning
    env = reading.read_environment(path)
    assert (env["numpy"], env["before"]["numpy"]) == ("2.5", "2.4")
    assert train(path, fresh=True, env={**ENV, "numpy": "2.5"}) == []


def test_a_damaged_environment_is_written_anew(tmp_path):
    train(tmp_path / "run", halt_after=2)
    (tmp_path / "run" / "env.json").write_bytes(b"{")
    (warning,) = train(tmp_path / "run")
    assert "env.json" in warning
    reading.verify(tmp_path / "run")


def test_fresh_forgets_everything(tmp_path, plugin, reference):
    path = tmp_path / "run"
    train(path, plugins=[plugin])
    for name in ("run.json", "weights.npz", "metrics.jsonl", "checkpoints/0000000040.npz"):
        (path / name).write_bytes(b"damaged")
    begun = []
    train(path, plugins=[plugin], fresh=True, begun=begun)
    assert begun == [0]
    assert stable(path) == reference
    reading.verify(path)


def test_a_run_that_diverges_at_once_has_no_metrics(tmp_path):
    path = tmp_path / "run"
    folder = RunFolder(path, HASH)
    with folder.hold():
        folder.create(CONFIG)
        folder.resume(ENV)
        nothing = {"epochs": 0, "best": None, "final": None, "test": None}
        failure = {"epoch": 1, "step": 1, "layer": "1.linear", "what": "output"}
        folder.finish({"hash": HASH, "status": "diverged", **nothing, "failure": failure}, {"w": np.zeros(2)})
    assert reading.read_run(path).metrics == []
    assert reading.status(path) == "diverged"
    reading.verify(path)


@pytest.mark.parametrize("fresh", [False, True])
def test_killed_before_any_operation(tmp_path, monkeypatch, plugin, reference, fresh):
    finished = tmp_path / "finished"
    train(finished, plugins=[plugin])
    count = operations(monkeypatch, tmp_path / "count", plugins=[plugin])
    number, killed = 0, True
    while killed:
        number += 1
        path = tmp_path / f"run{number}"
        if fresh:
            shutil.copytree(finished, path)
        with monkeypatch.context() as patch:
            patch.setattr(files, "disk", BrokenDisk(number, Killed(), persistent=True))
            try:
                train(path, plugins=[plugin], fresh=fresh)
                killed = False
            except Killed:
                pass
        assert reading.status(path) in ("empty", "interrupted", "finished")
        train(path, plugins=[plugin])
        assert stable(path) == reference, number
        reading.verify(path)
    assert number > count


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads files by descriptor")
@pytest.mark.parametrize("fresh", [False, True])
def test_power_failure_after_any_operation(tmp_path, monkeypatch, plugin, reference, fresh):
    finished = tmp_path / "finished"
    train(finished / "runs" / "toy" / "run", plugins=[plugin])
    number, failed = 0, True
    durable = 0
    while failed:
        number += 1
        before, after = tmp_path / f"before{number}", tmp_path / f"after{number}"
        shutil.copytree(finished, before) if fresh else before.mkdir()
        disk = VolatileDisk(before, number)
        begun = []
        with monkeypatch.context() as patch:
            patch.setattr(files, "disk", disk)
            try:
                train(before / "runs" / "toy" / "run", plugins=[plugin], fresh=fresh)
                failed = False
            except Killed:
                pass
        disk.after_power_failure(after)
        run = before / "runs" / "toy" / "run"
        if "run.json" in disk.durable.get(run, ()):
            # What is gone may be gone for good, even though the removal is not synced.
            assert {"config.yaml", "metrics.jsonl", "weights.npz"} <= set(disk.folders[run])
        path = after / "runs" / "toy" / "run"
        train(path, plugins=[plugin], begun=begun)
        assert stable(path) == reference, number
        reading.verify(path)
        if not fresh:
            # Once an epoch's checkpoint lasts, no later failure takes it away again.
            reached = begun[0] if begun else 5
            assert reached >= durable
            durable = reached
    assert durable == (0 if fresh else 5)
