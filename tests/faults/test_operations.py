"""The file system, operation by operation: whichever fails, the command says so, and nothing that was good is lost."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli.shell import Call, all_decisive, decisive, only_run
from faults.laboratory import TINY, attempt, checkpoints, failure, finished_like, interrupt, tiny_run, train, untouched
from runs.disks import BrokenDisk, ShortDisk

from dltricks.core.refusals import REMEDIES
from dltricks.execution import campaign
from dltricks.runs import checkpoint, files, reading

pytestmark = pytest.mark.usefixtures("quick")

ERRORS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE]
OFTEN = [pytest.param(False, id="once"), pytest.param(True, id="from then on")]
ALL_OR_SOME = [pytest.param(1, marks=pytest.mark.faults, id="every"), pytest.param(43, id="some")]
"""Every operation in the long part, every 43rd in the normal tests."""


@pytest.mark.parametrize("stride", ALL_OR_SOME)
@pytest.mark.parametrize("persistent", OFTEN)
@pytest.mark.parametrize("error", ERRORS, ids=[errno.errorcode[error] for error in ERRORS])
def test_any_failing_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, persistent: bool, stride: int
) -> None:
    calm, other = tiny_run(tmp_path, "calm/tiny/s0"), tiny_run(tmp_path, "runs/tiny/s1", seed=1)
    monkeypatch.setattr(files, "disk", counting := BrokenDisk())
    train(calm)
    train(other)
    expected = decisive(calm.path)
    run = tiny_run(tmp_path, "runs/tiny/s0")
    assert counting.count > 200
    harmless = 0
    for number in range(1 + error % stride, counting.count // 2, stride):
        with untouched(other.path):
            with monkeypatch.context() as patch:
                patch.setattr(files, "disk", broken := BrokenDisk(number, error, persistent=persistent))
                failed = attempt(run)
            assert broken.count >= number
            if failed is None:  # a look ahead, which the next operation makes up for
                harmless += 1
                finished_like(run.path, expected)
                shutil.rmtree(run.path)
                continue
            assert failed.code == 6
            assert str(tmp_path) in failed.message  # the run's files, or the folders above it whose names are synced
            assert f"broken; {REMEDIES[error]}, then run the same command again" in failed.message
            assert reading.status(run.path) in ("empty", "interrupted", "finished")
            valid = checkpoints(run)  # raises where one is not
            begun = train(run)
            if valid and not (run.path / "run.json").exists():
                assert f"goes on after {max(valid)} steps" in begun[-1]
            finished_like(run.path, expected)
        shutil.rmtree(run.path)
    assert harmless <= 6  # of a look ahead, and at the run beside it


@pytest.mark.parametrize("stride", ALL_OR_SOME)
def test_any_failing_operation_of_the_command(
    cli: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    assert cli("train", "tiny.yaml", "--quiet", "--runs-dir", "calm").code == 0
    expected = decisive(only_run(folder / "calm"))
    number, harmless, codes = 1, 0, set()
    while True:
        runs = f"runs{number}"
        error, persistent = ERRORS[number % 4], bool(number // 4 % 2)
        with monkeypatch.context() as patch:
            patch.setattr(files, "disk", broken := BrokenDisk(number, error, persistent=persistent))
            found = cli("train", "tiny.yaml", "--quiet", "--runs-dir", runs)
        if broken.count < number:
            break
        number += stride
        if found.code == 0:  # a look ahead, which the next operation makes up for
            harmless += 1
            continue
        codes.add(found.code)
        assert found.err.startswith((f"dltricks: error: {runs}", f"dltricks: error: {folder}"))
        assert f"{REMEDIES[error]}, then run the same command again\n" in found.err
        assert cli("train", "tiny.yaml", "--quiet", "--runs-dir", runs).code == 0
        finished_like(only_run(folder / runs), expected)
    assert harmless <= 3
    assert codes == {6}
    assert number > 100


@pytest.mark.parametrize("stride", [pytest.param(6, marks=pytest.mark.faults, id="many"), pytest.param(70, id="some")])
@pytest.mark.parametrize("persistent", OFTEN)
def test_any_failing_operation_of_a_study_with_workers(
    cli: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, persistent: bool, stride: int
) -> None:
    """Workers are copies of this process, so that the operation fails in each of them as well."""
    monkeypatch.setattr(campaign, "AGAIN_SECONDS", 0.0)
    (folder / "tiny.yaml").write_text(TINY)
    study = ("train", "tiny.yaml", "seeds=4", "--workers", "2", "--quiet", "--runs-dir")
    assert cli(*study, "calm").code == 0
    expected = all_decisive(folder / "calm")
    codes = set()
    for number in range(1, 150, stride):
        runs = f"runs{number}"
        with monkeypatch.context() as patch:
            patch.setattr(files, "disk", BrokenDisk(number, errno.ENOSPC, persistent=persistent))
            found = cli(*study, runs)
        codes.add(found.code)
        if found.code:
            assert "free some space" in found.err
            assert runs in found.err
        assert cli(*study, runs).code == 0
        assert all_decisive(folder / runs) == expected
        shutil.rmtree(folder / runs)
    # What fails once is tried again; what fails for good in every run is told by its own code.
    assert codes <= {0, 6, 7}
    assert (6 in codes) if persistent else (0 in codes)


def test_short_writes_and_reads_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calm, run = tiny_run(tmp_path, "calm"), tiny_run(tmp_path)
    train(calm)
    monkeypatch.setattr(files, "disk", ShortDisk())
    monkeypatch.setattr(ShortDisk, "fsync", lambda self, fd: None)
    interrupt(run, 2)
    train(run)
    finished_like(run.path, decisive(calm.path))


class FullDisk(BrokenDisk):
    """Has room for so many bytes: what does not fit is written in part."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, fd: int, data: Any) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(fd, data[: self.room])
        self.room -= written
        return int(written)


def test_a_disk_that_fills_up_within_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calm, run = tiny_run(tmp_path, "calm"), tiny_run(tmp_path)
    train(calm)
    for room in range(0, 20_000, 487):
        monkeypatch.setattr(files, "disk", FullDisk(room))
        failed = attempt(run)
        if failed is None:
            break
        assert failed.code == 6
        assert "No space left on device; free some space, then run the same command again" in failed.message
        checkpoints(run)
    assert room > 3_000
    monkeypatch.setattr(files, "disk", BrokenDisk())
    train(run)
    finished_like(run.path, decisive(calm.path))


class NoSync(BrokenDisk):
    """Refuses the n-th sync of a file's content."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def fsync(self, fd: int) -> None:
        self.number -= 1
        if self.number == 0:
            raise OSError(errno.EIO, "Input/output error")


def test_a_checkpoint_that_could_not_be_synced_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calm = tiny_run(tmp_path, "calm")
    train(calm)
    numbers = []
    for number in range(1, 50):
        run = tiny_run(tmp_path, f"runs/{number}")
        with monkeypatch.context() as patch:
            patch.setattr(files, "disk", disk := NoSync(number))
            saved: list[int] = []
            original = checkpoint.save
            patch.setattr(checkpoint, "save", lambda *a: (original(*a), saved.append(a[2].number)))  # noqa: B023
            if number > 12:
                train(run)
                assert disk.number > 0
                break
            failed = failure(run)
        assert failed.code == 6
        assert "Input/output error; check the disk" in failed.message
        # Only those count of which the sync was told to have succeeded.
        assert list(checkpoints(run)) == saved[-2:]
        numbers.append(len(saved))
        train(run)
        finished_like(run.path, decisive(calm.path))
    assert set(numbers) == {0, 1, 2, 3}


class Opens:
    """Fails the n-th time that anything below a folder is opened or listed, by whomever in this process."""

    def __init__(self) -> None:
        self.root, self.left, self.seen, self.refused = "", 0, 0, ""
        sys.addaudithook(self._hear)  # which cannot be taken back

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root and event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith(self.root):
            self.seen += 1
            if self.seen == self.left:
                self.refused = str(arguments[0])
                raise OSError(errno.EIO, "Input/output error", self.refused)

    @contextmanager
    def failing(self, root: Path, number: int) -> Iterator[None]:
        self.root, self.left, self.seen = str(root), number, 0
        try:
            yield
        finally:
            self.root = ""


@pytest.fixture(scope="module")
def opens() -> Opens:
    return Opens()


def test_any_file_that_cannot_be_opened(cli: Call, folder: Path, opens: Opens) -> None:
    """Experiment file, data and plugin too, which are read by other ways than run folders are."""
    (folder / "table.csv").write_text("a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    (folder / "own.yaml").write_text(
        "dataset: {name: csv, path: table.csv, target: b}\narchitecture: {name: mlp, hidden: [3]}\noptimizer: adam\n"
        "batch_size: 20\nepochs: 1\nactivation: bent\nplugins: [bent.py]\n"
    )
    (folder / "bent.py").write_text(
        '"""Bent: relu."""\nfrom dataclasses import dataclass\nfrom dltricks.activations.relu import Relu\n\n\n'
        '@dataclass\nclass Bent(Relu):\n    """y = relu(x)"""\n'
    )
    number, named = 0, set()
    while True:
        number += 1
        with opens.failing(folder, number):
            found = cli("train", str(folder / "own.yaml"), "--quiet", "--runs-dir", folder / f"runs{number}")
        if opens.seen < number:
            assert found.code == 0
            break
        if found.code == 0:  # a look ahead, which the next opening makes up for
            assert opens.refused.endswith("checkpoints")
            continue
        assert found.code == 6
        assert found.err.startswith("dltricks: error: ")
        assert "Input/output error; " in found.err
        named |= {name for name in ("own.yaml", "table.csv", "bent.py", "run.json") if name in found.err}
    assert named == {"own.yaml", "table.csv", "bent.py", "run.json"}
