"""The file system as it is: full, read-only, with links in the place of files, or taken away."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.shell import COMMAND, Call, Result, all_decisive, decisive, environment, only_run, process, start
from faults.laboratory import TINY, attempt, checkpoints, failure, finished_like, interrupt, tiny_run, train, untouched

from dltricks.core.errors import LockedError
from dltricks.engine.trainer import Trainer
from dltricks.execution.data import Datasets
from dltricks.execution.events import Ended, Event, Failed
from dltricks.execution.stack import train_stack
from dltricks.execution.task import PlannedRun
from dltricks.runs import checkpoint, reading
from dltricks.runs.folder import RunFolder
from dltricks.runs.signals import Signals

pytestmark = [
    pytest.mark.usefixtures("quick"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither these limits nor these links"),
]

TRAIN = ("train", "tiny.yaml", "--quiet")
STUDY = (*TRAIN, "seeds=3", "--workers", "2")


@pytest.fixture
def calm(cli: Call, folder: Path) -> dict[str, bytes]:
    """tiny.yaml, and what the undisturbed run comes to."""
    (folder / "tiny.yaml").write_text(TINY)
    assert cli(*TRAIN, "--runs-dir", "calm").code == 0
    return decisive(only_run(folder / "calm"))


@pytest.mark.parametrize(
    "size", [0, 60, 1000, 2500, *(pytest.param(n, marks=pytest.mark.faults) for n in range(120, 3100, 170))]
)
def test_a_disk_that_is_really_full(cli: Call, folder: Path, calm: dict[str, bytes], size: int) -> None:
    """No file may grow beyond so many bytes."""
    found = process(*TRAIN, cwd=folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    largest = max(path.stat().st_size for path in (folder / "calm").rglob("*") if path.is_file())
    if size >= largest:
        assert found.code == 0
    else:
        assert found.code == 6
        assert found.err.startswith("dltricks: error: runs/tiny/s0-")
        assert "File too large; raise the limit of file sizes (ulimit -f), then run the same command again" in found.err
        assert "Traceback" not in found.err
    assert cli(*TRAIN).code == 0
    finished_like(only_run(folder / "runs"), calm)


def test_a_study_on_a_disk_that_is_really_full(cli: Call, folder: Path, calm: dict[str, bytes]) -> None:
    cli(*STUDY, "--runs-dir", "calms")
    limit = 2000
    found = process(*STUDY, cwd=folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert found.code == 6
    assert found.err.count("raise the limit of file sizes") == 3
    assert "Traceback" not in found.err
    assert cli(*STUDY).code == 0
    assert all_decisive(folder / "runs") == all_decisive(folder / "calms")


def in_namespace(folder: Path, script: str) -> Result:
    """Runs shell commands where mounting is permitted and concerns nobody else."""
    command = ["unshare", "-rm", "sh", "-euc", script, *COMMAND]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def mounting(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("mount")
    try:
        found = in_namespace(folder, "mkdir m; mount -t tmpfs -o size=64k tmpfs m")
    except FileNotFoundError:
        pytest.skip("there is no unshare on this system, so that no small disk can be mounted")
    if found.code:
        pytest.skip(f"mounting a small disk is not permitted here: {found.err.strip()}")


@pytest.mark.usefixtures("mounting")
@pytest.mark.parametrize("size", [8, 16, 24])
def test_a_small_disk_that_is_full(folder: Path, calm: dict[str, bytes], size: int) -> None:
    """Of so many kibibytes, of which each file takes four. It is enlarged, and the same command goes on."""
    found = in_namespace(
        folder,
        f"""mkdir runs; mount -t tmpfs -o size={size}k tmpfs runs
        code=0; "$0" "$@" {" ".join(TRAIN)} || code=$?
        mount -o remount,size=10m runs
        "$0" "$@" {" ".join(TRAIN)}
        cp -r runs after; exit $code""",
    )
    assert found.code == 6, found.err
    assert "error: runs/tiny" in found.err
    assert "No space left on device; free some space, then run the same command again" in found.err
    assert "Traceback" not in found.err
    finished_like(only_run(folder / "after"), calm)


@pytest.mark.usefixtures("mounting", "calm")
def test_a_read_only_folder_is_refused_before_the_first_step(folder: Path) -> None:
    (folder / "bent.py").write_text(
        '"""Bent: tells of its first step."""\nfrom dataclasses import dataclass\nfrom pathlib import Path\n'
        "from dltricks.activations.relu import Relu\n\n\n@dataclass\nclass Bent(Relu):\n"
        '    """y = relu(x)"""\n\n    def forward(self, x, context):\n        Path("stepped").touch()\n'
        "        return super().forward(x, context)\n"
    )
    arguments = " ".join([*TRAIN, "activation=bent", "--plugin", "bent.py"])
    found = in_namespace(folder, f'mkdir runs; mount -t tmpfs -o ro tmpfs runs; "$0" "$@" {arguments}')
    assert found.code == 6
    assert found.err.startswith("dltricks: error: runs/tiny/s0-")
    assert ": Read-only file system; name a writable folder with --runs-dir, then run the same command" in found.err
    assert not (folder / "stepped").exists()
    again = in_namespace(folder, f'mkdir -p runs; "$0" "$@" {arguments}')
    assert again.code == 0, again.err
    assert (folder / "stepped").exists()


def trained_with(run: PlannedRun, step: int, action: Callable[[], object]) -> Event:
    """Trains, and does something after a step; how the run ended."""

    class Act(_Nothing):
        def on_step_end(self, trainer: Trainer) -> None:
            if trainer.t == step:
                action()

    heard: list[Event] = []
    train_stack([run], heard.append, Signals(), Datasets(), [Act()])
    (event,) = (event for event in heard if isinstance(event, (Ended, Failed)))
    return event


class _Nothing:
    def on_train_begin(self, run: Trainer) -> None: ...
    def on_step_end(self, run: Trainer) -> None: ...
    def on_epoch_end(self, run: Trainer) -> None: ...
    def on_train_end(self, run: Trainer) -> None: ...


@pytest.mark.parametrize(("what", "step"), [(".", 1), (".", 3), ("checkpoints", 1), (".lock", 1), (".lock", 3)])
@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_folder_that_is_taken_away(tmp_path: Path, step: int, what: str, how: str) -> None:
    """The run ends instead of starting over, and nothing comes back at its path."""
    run, other = tiny_run(tmp_path), tiny_run(tmp_path, "runs/tiny/s1", seed=1)
    train(other)
    target = run.path / what

    def take() -> None:
        if how == "moved":
            target.rename(tmp_path / "elsewhere")
        else:
            shutil.rmtree(target) if target.is_dir() else target.unlink()

    with untouched(other.path):
        event = trained_with(run, step, take)
    assert isinstance(event, Failed)
    assert (event.code, event.error) == (6, "GoneError")  # of which no second attempt is made
    assert str(run.path) in event.message
    assert "moved or removed in the meantime" in event.message
    assert "run the same command again" in event.message
    assert not target.exists()
    if what == ".":
        train(run)
        calm = tiny_run(tmp_path, "calm")
        train(calm)
        finished_like(run.path, decisive(calm.path))


def test_a_folder_that_another_process_made_anew(tmp_path: Path) -> None:
    """Whoever began it owns it; the first process finds another's lock and keeps away."""
    run = tiny_run(tmp_path)
    calm = tiny_run(tmp_path, "calm")
    train(calm)

    def replace() -> None:
        shutil.rmtree(run.path)
        train(run)

    event = trained_with(run, 2, replace)
    assert isinstance(event, Failed)
    assert event.error == "GoneError"
    finished_like(run.path, decisive(calm.path))


def test_the_command_ends_when_its_folder_is_removed(folder: Path, calm: dict[str, bytes]) -> None:
    running = start(*TRAIN, "epochs=100000", cwd=folder)
    try:
        while not (found := list(folder.glob("runs/*/*/checkpoints/*.npz"))):
            assert running.poll() is None
            time.sleep(0.01)
        while (folder / "runs").exists():  # what is written at this moment keeps a folder from being removed
            shutil.rmtree(folder / "runs", ignore_errors=True)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    run = found[0].parent.parent.relative_to(folder)
    assert (running.returncode, out) == (6, "")
    assert f"error: {run}" in err
    assert "moved or removed in the meantime" in err
    assert not (folder / run / "checkpoints").exists()


LINKED = ("checkpoints/0000000003.npz", "checkpoints", ".lock", "metrics.jsonl", "timing.jsonl", "plugins")


@pytest.mark.parametrize("name", LINKED)
def test_links_are_not_followed(tmp_path: Path, name: str) -> None:
    run = tiny_run(tmp_path)
    interrupt(run, 3)
    path, elsewhere = run.path / name, tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = {p: p.read_bytes() for p in [elsewhere, *elsewhere.rglob("*")] if p.is_file()}
    failed = failure(run)
    assert failed.code == 6
    assert str(path) in failed.message
    assert "remove it" in failed.message
    assert path.is_symlink()
    assert {p: p.read_bytes() for p in before} == before


def test_a_dangling_link_in_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    """Opening it for writing would make its target."""
    run = tiny_run(tmp_path)
    (run.path).mkdir(parents=True)
    (run.path / "metrics.jsonl").symlink_to(tmp_path / "elsewhere")
    failed = failure(run)
    assert failed.code == 6
    assert "links are not followed here: remove it" in failed.message
    assert not (tmp_path / "elsewhere").exists()


def test_links_in_place_of_temporary_files_are_not_followed(tmp_path: Path) -> None:
    calm, run = tiny_run(tmp_path, "calm"), tiny_run(tmp_path)
    train(calm)
    interrupt(run, 1)
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")

    def plant() -> None:
        for name in ("weights.npz", "run.json", "checkpoints/0000000003.npz"):
            path = run.path / name
            path.with_name(f".tmp-{path.name}-{os.getpid()}").symlink_to(victim)

    assert isinstance(trained_with(run, 2, plant), Ended)
    assert victim.read_bytes() == b"precious"
    finished_like(run.path, decisive(calm.path))


def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    interrupt(run, 3)
    (run.path / "metrics.jsonl").unlink()
    os.mkfifo(run.path / "metrics.jsonl")
    failed = failure(run)
    assert failed.code == 6
    assert "metrics.jsonl: Not a regular file" in failed.message


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", "timing.jsonl", "weights.npz", "run.json"])
def test_a_folder_in_place_of_a_file_of_a_finished_run_fails_that_run_alone(
    cli: Call, folder: Path, calm: dict[str, bytes], name: str
) -> None:
    study = (*TRAIN, "seeds=2")
    assert cli(*study).code == 0
    (run,) = (folder / "runs/tiny").glob("s0-*")
    (run / name).unlink()
    (run / name).mkdir()
    found = cli(*study)
    assert found.code == 7
    assert "1 of 2 runs failed" in found.err
    assert f"{run.relative_to(folder) / name}: Not a regular file" in found.err


def test_orphaned_temporary_files_go_under_the_lock(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    interrupt(run, 3)
    orphans = [run.path / ".tmp-run.json-1", run.path / "checkpoints/.tmp-0000000004.npz-1"]
    for orphan in orphans:
        orphan.write_bytes(b"half")
    with RunFolder(run.path, run.experiment.hash).hold():
        assert not any(orphan.exists() for orphan in orphans)
        orphans[0].write_bytes(b"half")
        with pytest.raises(LockedError), RunFolder(run.path, run.experiment.hash).hold():
            pytest.fail("two holders")
        assert orphans[0].exists()
    train(run)
    assert not orphans[0].exists()


def test_a_killed_write_leaves_what_the_next_call_clears_away(tmp_path: Path) -> None:
    """A process of its own, killed between the opening of a temporary file and its renaming."""
    run = tiny_run(tmp_path)
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        from dltricks.runs import files

        def die(self: Any, source: Path, target: Path) -> None:
            if target.name == "0000000003.npz":
                os.kill(os.getpid(), signal.SIGKILL)
            source.replace(target)

        files.Disk.replace = die
        attempt(run)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert [path.name for path in run.path.rglob(".tmp-*")] == [f".tmp-0000000003.npz-{pid}"]
    assert reading.status(run.path) == "interrupted"
    assert list(checkpoints(run)) == [1, 2]
    assert "goes on after 2 steps" in train(run)[-1]
    assert list(run.path.rglob(".tmp-*")) == []


@pytest.mark.parametrize("most", [8, 12, 16, 24])
def test_few_open_files(cli: Call, folder: Path, calm: dict[str, bytes], most: int) -> None:
    """The real limit, which meets imports and workers too."""
    script = (
        "import resource, sys; from dltricks.cli.main import main; import dltricks.api.train\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most})); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *STUDY],
        cwd=folder,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 6, 7)
    if done.returncode:
        assert "raise the limit of open files (ulimit -n)" in done.stderr
    assert "Traceback" not in done.stderr
    assert cli(*STUDY).code == 0
    run = next(path for path in (folder / "runs/tiny").iterdir() if path.name.startswith("s0-"))
    finished_like(run, calm)
    assert checkpoint.numbers(run / "checkpoints")
