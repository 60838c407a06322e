import errno
import shutil
import sys

import pytest
from runs.disks import BrokenDisk, Killed, VolatileDisk
from runs.toy import stable, train

from dltricks.core.errors import FileSystemError, LockedError
from dltricks.runs import files, lock, reading, removal


def always():
    return True


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "trick.py"
    path.write_text("trick = 1\n")
    return path


@pytest.fixture
def run(tmp_path, plugin):
    """A finished run with everything that a run folder can hold."""
    path = tmp_path / "runs" / "toy" / "run"
    train(path, plugins=[plugin])
    for folder in (path, path / "checkpoints", path / "plugins"):
        (folder / f"{files.TEMPORARY}half-1").write_bytes(b"torn")
    return path


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_run_goes_with_its_folder(run):
    assert removal.remove(run, always) == ()
    assert names(run.parent) == []


def test_what_dltricks_writes_and_how_much_it_is(run):
    found = removal.look(run)
    assert found.foreign == ()
    assert sorted(found.own) == sorted(path for path in run.rglob("*") if path.is_file())
    assert found.bytes == sum(path.stat().st_size for path in found.own)
    assert (found.own[0], found.own[-2:]) == (run / "run.json", (run / "config.yaml", run / ".lock"))


def test_foreign_things_stay(run, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    foreign = ["notes.txt", "weights.npz/inside", "checkpoints/40.npz", "checkpoints/best.npz", "plugins/data.csv"]
    (run / "weights.npz").unlink()
    (run / "weights.npz").mkdir()
    for name in foreign:
        (run / name).write_bytes(b"precious")
    (run / "env.json").unlink()
    (run / "env.json").symlink_to(elsewhere)
    kept = removal.remove(run, always)
    assert sorted(path.relative_to(run).as_posix() for path in kept) == sorted(
        ["checkpoints/40.npz", "checkpoints/best.npz", "env.json", "notes.txt", "plugins/data.csv", "weights.npz"]
    )
    assert names(run) == sorted(["checkpoints", "env.json", "plugins", "weights.npz", *foreign])
    assert all((run / name).read_bytes() == b"precious" for name in foreign)
    assert elsewhere.read_bytes() == b"precious"


@pytest.mark.parametrize("inner", ["checkpoints", "plugins"])
def test_links_in_place_of_folders_are_not_followed(run, tmp_path, inner):
    elsewhere = tmp_path / "elsewhere"
    (run / inner).rename(elsewhere)
    before = names(elsewhere)
    (run / inner).symlink_to(elsewhere)
    assert removal.remove(run, always) == (run / inner,)
    assert names(elsewhere) == before
    assert names(run) == [inner]


def test_a_link_in_place_of_the_run_is_refused(run, tmp_path):
    link = tmp_path / "runs" / "toy" / "link"
    link.symlink_to(run)
    before = names(run)
    with pytest.raises(FileSystemError, match="a link, which is not followed"):
        removal.remove(link, always)
    assert names(run) == before


def test_a_run_in_training_stays(run):
    before = names(run)
    with lock.hold(run), pytest.raises(LockedError, match="is training this run"):
        removal.remove(run, always)
    assert names(run) == before
    assert reading.status(run) == "finished"


def test_the_last_question_is_asked_under_the_lock(run):
    before = names(run)
    held = []
    assert removal.remove(run, lambda: bool(held.append(lock.is_held(run)))) is None
    assert held == [True]
    assert names(run) == before


@pytest.mark.skipif(sys.platform == "win32", reason="the lock's file is in use there")
def test_who_waited_for_the_lock_keeps_the_folder(run, monkeypatch):
    class Late(BrokenDisk):
        def unlink(self, path):
            super().unlink(path)
            if path.name == lock.NAME:
                path.write_bytes(b"anew")

    monkeypatch.setattr(files, "disk", Late())
    assert removal.remove(run, always) == ()
    assert names(run) == [lock.NAME]


def test_bare_folders(tmp_path):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    assert removal.look(run).bare
    (run / lock.NAME).write_bytes(b"x")
    (run / f"{files.TEMPORARY}config.yaml-7").write_bytes(b"x")
    assert removal.look(run).bare
    for name in ("weights.npz", "notes.txt", "checkpoints/0000000001.npz"):
        (run / name).write_bytes(b"x")
        assert not removal.look(run).bare
        (run / name).unlink()


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("kind", [OSError, Killed])
def test_a_removal_cut_short_leaves_the_run_or_one_to_begin_anew(run, plugin, tmp_path, monkeypatch, kind, persistent):
    for path in run.rglob(f"{files.TEMPORARY}*"):
        path.unlink()
    reference, pattern = stable(run), tmp_path / "pattern"
    shutil.copytree(run, pattern)
    disk = BrokenDisk()
    monkeypatch.setattr(files, "disk", disk)
    assert removal.remove(run, always) == ()
    states = []
    for number in range(1, disk.count + 1):
        shutil.copytree(pattern, run, dirs_exist_ok=True)
        error = errno.EIO if kind is OSError else Killed()
        monkeypatch.setattr(files, "disk", BrokenDisk(number, error, persistent=persistent))
        with pytest.raises(FileSystemError if kind is OSError else Killed):
            removal.remove(run, always)
        monkeypatch.setattr(files, "disk", BrokenDisk())
        states.append(reading.status(run) if run.exists() else "gone")
        if states[-1] == "empty":
            assert removal.look(run).bare, number
        if run.exists():
            again = tmp_path / "again"
            shutil.copytree(run, again)
            assert removal.remove(again, always) == ()
            assert not again.exists()
        train(run, plugins=[plugin])
        assert stable(run) == reference, number
        reading.verify(run)
    assert list(dict.fromkeys(states)) == ["finished", "interrupted", "empty", "gone"]


def test_a_power_failure_brings_back_no_half_of_a_result(run, tmp_path, monkeypatch):
    pattern, number, gone = tmp_path / "pattern", 0, False
    shutil.copytree(run, pattern)
    while not gone:
        number += 1
        before, after = tmp_path / f"before{number}", tmp_path / f"after{number}"
        shutil.copytree(pattern, before / "run")
        disk = VolatileDisk(before, number)
        with monkeypatch.context() as patch:
            patch.setattr(files, "disk", disk)
            try:
                removal.remove(before / "run", always)
                gone = True
            except Killed:
                pass
        left = disk.folders.get(before / "run", {})
        if "run.json" in disk.durable.get(before / "run", ()):
            # What is gone may be gone for good, even though the removal is not synced.
            assert {"config.yaml", "metrics.jsonl", "weights.npz"} <= set(left)
        if "config.yaml" not in left:
            assert set(disk.durable[before / "run"]) <= {"config.yaml", ".lock", "checkpoints", "plugins"}
        disk.after_power_failure(after)
    assert number > 10
    assert names(after) == []
