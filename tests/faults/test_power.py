"""Power failures after every operation: the bytes of an undisturbed run, and at most one checkpoint interval lost."""

from __future__ import annotations

import random
import re
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cli.shell import Call, all_decisive, decisive
from faults.laboratory import TINY, finished_like, tiny_run, train
from faults.power import MODES, RecordingDisk, after_power_failure
from runs.disks import BrokenDisk, Killed

from dltricks.engine.trainer import Trainer
from dltricks.execution.task import PlannedRun
from dltricks.runs import files, reading, recorder
from dltricks.runs.recorder import Recorder

pytestmark = pytest.mark.usefixtures("quick")

ALL_OR_SOME = [pytest.param(1, marks=pytest.mark.faults, id="every"), pytest.param(61, id="some")]
"""After every operation in the long part, after every 61st in the normal tests."""
INTERVAL = 3
"""Steps between two checkpoints."""
VALUES = {
    "batch_size": 14,
    "epochs": 3,
    "checkpoint_seconds": INTERVAL,
    "dropout": 0.2,
    "averaging": {"name": "ema", "decay": 0.9},
    "schedule": {"name": "plateau", "patience": 1},
    "early_stopping": {"patience": 9},
}
"""Four steps an epoch, twelve in all."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[RecordingDisk | None], None]:
    """Lets the recorder's seconds be steps, which are noted in a disk's log."""
    noted: list[RecordingDisk | None] = [None]
    now = [0.0]
    original = Recorder.on_step_end

    def on_step_end(self: Recorder, run: Trainer) -> None:
        now[0] = float(run.t)
        if noted[0] is not None:
            noted[0].mark(run.t)
        original(self, run)

    monkeypatch.setattr(Recorder, "on_step_end", on_step_end)
    monkeypatch.setattr(recorder.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(recorder, "RARER", 0)

    def note(disk: RecordingDisk | None) -> None:
        noted[0] = disk
        now[0] = 0.0

    return note


def moved(run: PlannedRun, root: Path, other: Path) -> PlannedRun:
    return replace(run, path=other / run.path.relative_to(root))


@pytest.mark.parametrize("stride", ALL_OR_SOME)
def test_a_run_that_is_begun(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clock: Callable[[RecordingDisk | None], None],
    stride: int,
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    run = tiny_run(tmp_path, "root/runs/tiny/s0", **VALUES)
    monkeypatch.setattr(files, "disk", disk := RecordingDisk(root))
    clock(disk)
    train(run)
    expected = decisive(run.path)
    clock(None)
    monkeypatch.setattr(files, "disk", BrokenDisk())
    assert len(disk.log) > 150
    assert [each[1] for each in disk.log if each[0] == "step"] == list(range(1, 13))
    rng = random.Random(0)
    losses = set()
    for prefix in range(stride % 7, len(disk.log) + 1, stride):
        for mode in MODES:
            after = tmp_path / "after"
            steps = after_power_failure(disk, prefix, mode, rng, after)
            again = moved(run, root, after)
            whole = reading.status(again.path) == "finished" if again.path.exists() else False
            notices = train(again)
            finished_like(again.path, expected)
            went_on = re.search(r"goes on after (\d+) steps", " ".join(notices))
            reached = steps if whole else int(went_on[1]) if went_on else 0
            assert "valid checkpoint" not in " ".join(notices)
            losses.add(steps - reached)
            shutil.rmtree(after)
    assert max(losses) <= INTERVAL
    assert stride > 1 or len(losses) == INTERVAL + 1


@pytest.mark.parametrize("stride", ALL_OR_SOME)
@pytest.mark.parametrize("what", ["fresh", "interrupted", "study"])
def test_commands(cli: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, stride: int, what: str) -> None:
    """Training anew what was finished, going on with what was interrupted, and a study with its plan."""
    (folder / "tiny.yaml").write_text(TINY)
    arguments = ("train", "../tiny.yaml", "--quiet", *(("seeds=2", "--executor", "serial") if what == "study" else ()))
    root = folder / "root"
    root.mkdir()
    monkeypatch.chdir(root)
    if what != "study":
        assert cli(*arguments).code == 0
        (run,) = root.glob("runs/*/*/run.json")
        if what == "interrupted":
            run.unlink()
            (run.parent / "weights.npz").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(files, "disk", disk := RecordingDisk(root))
        assert cli(*arguments, *(["--fresh"] if what == "fresh" else [])).code == 0
    expected = all_decisive(root / "runs")
    assert len(disk.log) > (30 if what == "interrupted" else 90)
    rng = random.Random(zlib.crc32(what.encode()))
    for prefix in range(stride % 5, len(disk.log) + 1, stride):
        for mode in MODES[prefix % 2 : 4 : 2]:
            after = folder / "after"
            after_power_failure(disk, prefix, mode, rng, after)
            monkeypatch.chdir(after)
            found = cli(*arguments)
            assert (found.code, "Traceback" in found.err) == (0, False), (prefix, mode, found.err)
            assert all_decisive(after / "runs") == expected, (prefix, mode)
            shutil.rmtree(after)
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("runs_dir", ["runs", "new/and/deeper/runs"])
@pytest.mark.parametrize("more", [(), ("seeds=2", "--executor", "serial")], ids=["run", "study"])
@pytest.mark.parametrize("killed_at", [None, 8, 20])
def test_what_has_ended_stays(
    cli: Call,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    runs_dir: str,
    more: tuple[str, ...],
    killed_at: int | None,
) -> None:
    """Also below folders that are new, and where the first process was killed before it had synced their names."""
    (folder / "tiny.yaml").write_text(TINY)
    root = folder / "root"
    root.mkdir()
    monkeypatch.chdir(root)
    with monkeypatch.context() as patch:
        patch.setattr(files, "disk", disk := RecordingDisk(root))
        if killed_at is not None:
            disk.fail_at, disk.error = killed_at, Killed()
            with pytest.raises(Killed):
                cli("train", "../tiny.yaml", *more, "--quiet", "--runs-dir", runs_dir)
            disk.fail_at = None
        assert cli("train", "../tiny.yaml", *more, "--quiet", "--runs-dir", runs_dir).code == 0
    after = folder / "after"
    after_power_failure(disk, len(disk.log), "nothing", random.Random(0), after)
    assert all_decisive(after / runs_dir) == all_decisive(root / runs_dir)


@pytest.mark.faults
def test_a_removal(cli: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left can be trained again, or removed."""
    (folder / "tiny.yaml").write_text(TINY)
    root = folder / "root"
    root.mkdir()
    monkeypatch.chdir(root)
    assert cli("train", "../tiny.yaml", "--quiet").code == 0
    expected = all_decisive(root / "runs")
    (run,) = root.glob("runs/*/*/run.json")
    run.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(files, "disk", disk := RecordingDisk(root))
        assert cli("gc", "--yes").code == 0
    assert not run.parent.exists()
    rng = random.Random(0)
    for prefix in range(len(disk.log) + 1):
        for mode in ("nothing", "some", "some", "some"):
            after = folder / "after"
            after_power_failure(disk, prefix, mode, rng, after)
            monkeypatch.chdir(after)
            found = cli("train", "../tiny.yaml", "--quiet")
            assert found.code == 0, (prefix, mode, found.err)
            assert all_decisive(after / "runs") == expected
            shutil.rmtree(after)
    monkeypatch.chdir(folder)
