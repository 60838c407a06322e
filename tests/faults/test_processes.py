"""Signals, second writers, clocks, pipes and terminals: whatever ends a run, the same command lets it go on."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.shell import COMMAND, Call, decisive, environment, only_run, process, start
from faults.laboratory import TINY, checkpoints, finished_like, interrupt, tiny_run, train, untouched
from runs.disks import BrokenDisk

from dltricks.core.errors import LockedError, StoppedError
from dltricks.runs import checkpoint, files, lock, reading
from dltricks.runs.signals import Signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither these signals nor these shells")

TRAIN = ("train", "tiny.yaml", "--quiet")
LONG = (*TRAIN, "epochs=100000", "checkpoint_seconds=0.05")
RICH: dict[str, Any] = {
    "batch_size": 14,
    "epochs": 3,
    "dropout": 0.3,
    "normalization": "batch",
    "averaging": {"name": "ema", "decay": 0.9},
    "schedule": {"name": "plateau", "patience": 1},
    "clipping": 1.0,
}
"""Four steps an epoch, twelve in all."""


@pytest.fixture
def tiny(folder: Path) -> Path:
    (folder / "tiny.yaml").write_text(TINY)
    return folder


@contextmanager
def running(folder: Path, *arguments: object, **more: Any) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A training that has written a checkpoint, and its run folder. It does not outlive the test."""
    process = start(*(arguments or LONG), cwd=folder, **more)
    try:
        deadline = time.monotonic() + 120
        while not (found := list(folder.glob("runs/*/*/checkpoints/*.npz"))):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process, found[0].parent.parent
    finally:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("step", range(1, 12))
def test_a_run_goes_on_from_any_step(tmp_path: Path, step: int) -> None:
    """In the middle of an epoch as at its end."""
    calm, run = tiny_run(tmp_path, "calm", **RICH), tiny_run(tmp_path, **RICH)
    train(calm)
    interrupt(run, step)
    assert f"goes on after {step} steps, in epoch {1 + step // 4}" in train(run)[-1]
    finished_like(run.path, decisive(calm.path))


class SignallingDisk(BrokenDisk):
    """Sends signals to this process before the n-th operation."""

    def __init__(self, number: int, signals: tuple[signal.Signals, ...]) -> None:
        super().__init__()
        self.number, self.signals = number, signals

    def _operation(self) -> None:
        super()._operation()
        if self.count == self.number:
            for each in self.signals:
                signal.raise_signal(each)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("signals", [(signal.SIGTERM,), (signal.SIGINT,), (signal.SIGINT, signal.SIGTERM)])
@pytest.mark.parametrize("stride", [pytest.param(1, marks=pytest.mark.faults, id="every"), pytest.param(43, id="some")])
def test_a_signal_during_any_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: tuple[signal.Signals, ...], stride: int
) -> None:
    """Of a checkpoint too: one lets it be written, a second one leaves at once."""
    calm = tiny_run(tmp_path, "calm")
    monkeypatch.setattr(files, "disk", counting := BrokenDisk())
    train(calm)
    count, codes = counting.count, set()
    for number in range(3, count, stride):
        run = tiny_run(tmp_path, f"runs/{number}")
        monkeypatch.setattr(files, "disk", SignallingDisk(number, signals))
        try:
            train(run, Signals())
        except StoppedError as error:
            codes.add(error.exit_code)
        except SystemExit as error:
            codes.add(error.code)
        monkeypatch.setattr(files, "disk", BrokenDisk())
        assert not lock.is_held(run.path)
        checkpoints(run)  # raises where one is damaged
        if reading.status(run.path) != "finished":
            train(run)
        finished_like(run.path, decisive(calm.path))
        shutil.rmtree(run.path)
    # Whatever came after the last step changed nothing.
    assert codes == {128 + signals[-1]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_leaves(cli: Call, tiny: Path, number: signal.Signals) -> None:
    with running(tiny) as (process, run):
        assert reading.status(run) == "running"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, "")
    stopped = re.fullmatch(
        rf"dltricks: stopped by {number.name} after ([\d,]+) steps, in epoch \d+ of 100000; "
        r"the same command goes on from there\n",
        err,
    )
    assert stopped
    steps = int(stopped[1].replace(",", ""))
    assert checkpoint.numbers(run / "checkpoints")[-1] == steps
    assert reading.status(run) == "interrupted"
    with running(tiny) as (process, _):
        while checkpoint.numbers(run / "checkpoints")[-1] == steps:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert f"goes on after {steps:,} steps, in epoch" in err


def test_a_second_writer_is_told_who_is_the_first(cli: Call, tiny: Path) -> None:
    with running(tiny) as (process, run):
        started = time.monotonic()
        found = cli(*LONG)
        assert time.monotonic() - started < 60
    assert found.code == 5
    assert re.search(rf"process {process.pid} on host \S+ is training this run; wait for it or end it", found.err)
    assert found.err.startswith(f"dltricks: error: {run.relative_to(tiny)}: ")


def test_a_killed_holder_leaves_the_run_free_at_once(cli: Call, tiny: Path) -> None:
    with running(tiny) as (process, run):
        process.kill()
        process.wait()
        assert not lock.is_held(run)
        listed = cli("list")
    assert listed.code == 0
    assert "interrupted, can continue" in listed.out
    with lock.hold(run), pytest.raises(LockedError), lock.hold(run):
        pytest.fail("two holders")


def test_a_clock_that_is_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    """Files from the future, and a clock that runs backwards, decide nothing."""
    calm, run = tiny_run(tmp_path, "calm", **RICH), tiny_run(tmp_path, **RICH)
    train(calm)
    interrupt(run, 5)
    for path in run.path.rglob("*"):
        os.utime(path, (4e9, 4e9))
    now = [2e9]

    def back() -> float:
        now[0] -= 1000
        return now[0]

    monkeypatch.setattr(time, "time", back)
    monkeypatch.setattr(time, "time_ns", lambda: int(back() * 1e9))
    assert "goes on after 5 steps" in train(run)[-1]
    finished_like(run.path, decisive(calm.path))


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(), capture_output=True, encoding="utf-8", timeout=120
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_reader_that_leaves_ends_nothing(cli: Call, tiny: Path) -> None:
    cli(*TRAIN, "--runs-dir", "calm")
    done = shell(tiny, f"{shlex.join([*COMMAND, *TRAIN])} | head -c 1; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "m", "")
    finished_like(only_run(tiny / "runs"), decisive(only_run(tiny / "calm")))


@pytest.mark.skipif(shutil.which("nohup") is None, reason="needs nohup")
def test_started_under_nohup_it_survives_a_hang_up(cli: Call, tiny: Path) -> None:
    nohup = subprocess.Popen(
        ["nohup", *COMMAND, *LONG],
        cwd=tiny,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )

    def saved() -> int:
        return max((int(path.stem) for path in tiny.glob("runs/*/*/checkpoints/*.npz")), default=0)

    try:
        for hang_up in (True, False):
            before = saved()
            while saved() == before:
                assert nohup.poll() is None, nohup.communicate()
                time.sleep(0.01)
            if hang_up:
                nohup.send_signal(signal.SIGHUP)
        nohup.send_signal(signal.SIGTERM)  # which is heard all the same
        _, err = nohup.communicate(timeout=120)
    finally:
        nohup.kill()
        nohup.communicate()
    assert nohup.returncode == 143, err
    assert "stopped by SIGTERM" in err
    assert reading.status(only_run(tiny / "runs")) == "interrupted"


def _threads(patch: pytest.MonkeyPatch) -> tuple[tuple[str, ...], dict[str, str]]:
    return ("--threads", "7"), {}


def _features(patch: pytest.MonkeyPatch) -> tuple[tuple[str, ...], dict[str, str]]:
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    usable = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    if not usable:
        pytest.skip("numpy has no code here that another processor would not run")
    return (), {"NPY_DISABLE_CPU_FEATURES": usable[-1]}


@pytest.mark.parametrize(
    ("elsewhere", "words"), [(_threads, r"threads: \d+ -> 7"), (_features, r"cpu features: .+ -> ")]
)
def test_going_on_elsewhere_warns(
    cli: Call, tiny: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: Callable[..., Any], words: str
) -> None:
    assert process(*TRAIN, cwd=tiny).code == 0
    run = only_run(tiny / "runs")
    (run / "run.json").unlink()
    again = process(*TRAIN, cwd=tiny)
    assert "bytes may differ" not in again.err
    (run / "run.json").unlink()
    arguments, env = elsewhere(monkeypatch)
    found = process(*TRAIN, *arguments, cwd=tiny, env=env)
    assert found.code == 0
    assert f"{run.relative_to(tiny)}: goes on elsewhere than it began, bytes may differ: " in found.err
    assert re.search(words, found.err)


def test_going_on_with_another_numpy_warns(cli: Call, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dltricks.runs import environment as described

    cli(*TRAIN)
    (only_run(tiny / "runs") / "run.json").unlink()
    monkeypatch.setattr(np, "__version__", "9.9.9")
    described._fixed.cache_clear()
    try:
        found = cli(*TRAIN)
    finally:
        described._fixed.cache_clear()
    assert found.code == 0
    assert re.search(r"bytes may differ: numpy: \S+ -> 9\.9\.9\n", found.err)


def test_other_runs_are_left_alone(cli: Call, tiny: Path) -> None:
    cli(*TRAIN, "seed=7")
    other = only_run(tiny / "runs")
    with untouched(other), running(tiny, *LONG, "seed=8") as (process, _):
        process.kill()
        process.wait()
        assert cli(*TRAIN).code == 0
