from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli.shell import COMMAND, Call, environment, only_run, process
from rich.console import Console

from dltricks.cli import progress
from dltricks.cli.progress import REFRESH, LineProgress, LiveProgress

pty = pytest.importorskip("pty", reason="needs pseudo terminals")

LONG = ["train", "small.yaml", "epochs=100000"]
"""A training that is still going on when enough has been seen."""


def in_a_terminal(folder: Path, width: int, arguments: list[str], until: str, **env: str) -> str:
    """What a process writes to a terminal until a pattern appears; then it is killed."""
    import fcntl
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    running = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env=environment(**env), stdin=child, stdout=child, stderr=child
    )
    os.close(child)
    text = ""
    try:
        while not re.search(until, text):
            read = os.read(parent, 4096)
            text += read.decode()
    except OSError:  # how Linux reports that the process has gone
        pass
    finally:
        running.kill()
        running.wait()
        os.close(parent)
    return text


def lines(text: str) -> list[str]:
    """What a terminal showed on a line, one after another, without colours; the last may be cut off."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    return [line for line in re.split(r"[\r\n]+", plain) if line]


@pytest.mark.parametrize("width", [80, 120])
def test_the_line_says_all_and_does_not_wrap(folder: Path, width: int) -> None:
    shown = lines(in_a_terminal(folder, width, LONG, r"(?s)\r.*\r.*val [^\r]*\r").rpartition("\r")[0])
    assert len(shown) > 2
    assert max(map(len, shown)) < width
    pattern = r"epoch \d+/100000 +(━+ +)?loss \d+\.\d{3}  acc \d\.\d{3}  (val \d\.\d{3}  )?[\d,]+ steps/s  [\d:]+ left"
    for line in shown:
        assert re.fullmatch(pattern, line.strip()), line
    assert re.search(r"val \d", shown[-1])
    assert "━" in shown[0]


def test_a_narrow_window_shows_less(folder: Path) -> None:
    shown = lines(in_a_terminal(folder, 40, LONG, r"(?s)\r.*\r").rpartition("\r")[0])
    assert max(map(len, shown)) < 40
    assert re.search(r"epoch \d+/100000.* left", shown[-1])


def test_no_color(folder: Path) -> None:
    assert "\x1b[90m" in in_a_terminal(folder, 80, LONG, r"epoch 1/")
    assert "\x1b[90m" not in in_a_terminal(folder, 80, LONG, r"epoch 1/", NO_COLOR="1")


def test_the_terminal_is_left_as_it_was(folder: Path) -> None:
    text = in_a_terminal(folder, 80, ["train", "small.yaml"], r"next: .*\n")
    moving, staying = text.split("\r" + " " * 79 + "\r")
    assert "epoch 1/2" in moving
    assert "\n" not in moving
    assert re.fullmatch(r"20 steps in [\d.]+ s, [\d,]+ steps/s", lines(staying)[0])
    assert "epoch 1/2" not in staying
    assert "\x1b[?" not in text  # the cursor stays visible, however training ends
    assert f"next: dltricks evaluate {only_run(folder / 'runs').relative_to(folder)}" in text


def test_quiet_shows_nothing(cli: Call) -> None:
    assert cli("train", "small.yaml", "--quiet").err == ""


def test_a_log_gets_lines(cli: Call) -> None:
    found = cli("train", "small.yaml").err.splitlines()
    pattern = r"epoch \d/2  train_loss \d\.\d{4}  train_accuracy .*  val_loss .*  val_accuracy .*  [\d,]+ steps/s"
    for line in found:
        assert re.fullmatch(pattern, line), line
    assert [line[:9] for line in found] == ["epoch 1/2", "epoch 2/2"]


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_log_with_colours_still_gets_lines(folder: Path, variable: str) -> None:
    found = process("train", "small.yaml", cwd=folder, env={variable: "1"}).err
    assert re.findall(r"epoch \d/2 ", found) == ["epoch 1/2 ", "epoch 2/2 "]
    assert re.findall(r"\x1b\[[\d;]*[A-Za-ln-z]", found) == []  # nothing that moves the cursor or erases


def test_a_dumb_terminal_gets_lines(folder: Path) -> None:
    shown = lines(in_a_terminal(folder, 80, ["train", "small.yaml"], r"next: .*\n", TERM="dumb"))
    assert shown[0].startswith("epoch 1/2  train_loss")


class Clock(SimpleNamespace):
    """time.perf_counter by hand."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


def a_run(**more: Any) -> Any:
    """As much of a trainer as a display looks at."""
    values: dict[str, Any] = {
        "recipes": [SimpleNamespace(epochs=3)],
        "steps": 100,
        "t": 0,
        "step": 0,
        "epoch": 0,
        "history": [[]],
        "outcomes": [None],
        "active": True,
        "classification": True,
        "so_far": lambda k: (0.5, 0.75),
    }
    return SimpleNamespace(**{**values, **more})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def screen(width: int = 80, file: io.StringIO | None = None) -> Console:
    return Console(file=file or io.StringIO(), width=width, force_terminal=True, color_system=None)


def test_drawing_waits_for_its_time(clock: Clock) -> None:
    """Between two drawings a step costs one look at the clock: nothing of the run is even read."""
    display, run = LiveProgress(screen()), a_run()
    display.on_train_begin(run)
    clock.now, run.t, run.step = 1.0, 1, 1
    display.on_step_end(run)
    drawn = display.screen.file.getvalue()
    clock.now += REFRESH * 0.99
    display.on_step_end(object())
    assert display.screen.file.getvalue() == drawn
    clock.now += REFRESH * 0.02
    display.on_step_end(run)
    assert len(display.screen.file.getvalue()) > len(drawn)
    display.close()


@pytest.mark.parametrize(
    ("seconds", "steps", "left"),
    [(10.0, 100, "0:20 left"), (100.0, 1, "8:18:20 left"), (60.0, 150, "1:00 left"), (3.0, 300, "0:00 left")],
)
def test_time_left(clock: Clock, seconds: float, steps: int, left: str) -> None:
    display, run = LiveProgress(screen()), a_run()
    display.on_train_begin(run)
    clock.now, run.t, run.step = seconds, steps, 1
    display.on_step_end(run)
    assert left in display.screen.file.getvalue()
    display.close()


def test_rate_counts_from_where_training_went_on(clock: Clock) -> None:
    display, run = LiveProgress(screen()), a_run(t=200, epoch=2)
    display.on_train_begin(run)
    clock.now, run.t, run.step = 5.0, 250, 50
    display.on_step_end(run)
    assert "10 steps/s  0:05 left" in display.screen.file.getvalue()
    display.close()


def test_regression_shows_its_error(clock: Clock) -> None:
    display = LiveProgress(screen())
    run = a_run(classification=False, history=[[{"epoch": 1, "val_loss": 2.0, "val_rmse": 1.25}]])
    display.on_train_begin(run)
    clock.now, run.t, run.step = 1.0, 1, 1
    display.on_step_end(run)
    assert "rmse 0.750  val 1.250" in display.screen.file.getvalue()
    display.close()


def test_lines_come_every_two_seconds_and_at_the_end(clock: Clock) -> None:
    display, run = LineProgress(screen(200)), a_run(t=1)
    display.on_train_begin(run)
    for epoch, now in enumerate((0.5, 1.0, 2.4, 2.6, 3.0), 1):
        clock.now = now
        run.history[0].append({"epoch": epoch, "train_loss": 1.0, "val_loss": 2.0, "lr": 0.1})
        run.active = epoch < 5
        display.on_epoch_end(run)
    found = display.screen.file.getvalue().splitlines()
    assert [line[:7] for line in found] == ["epoch 1", "epoch 4", "epoch 5"]
    assert found[0].endswith("train_loss 1.0000  val_loss 2.0000  0 steps/s")


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_training_outlives_its_terminal(cli: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a hang-up that is ignored (nohup), writing to the terminal fails."""
    monkeypatch.setattr("dltricks.cli.progress.progress", lambda: LiveProgress(screen(file=Gone())))
    assert cli("train", "small.yaml").code == 0
    monkeypatch.setattr("dltricks.cli.progress.progress", lambda: LineProgress(screen(file=Gone())))
    assert cli("train", "small.yaml", "--fresh").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no broken pipes")
def test_training_outlives_the_reader_of_its_progress(folder: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "train", "small.yaml"], cwd=folder, env=environment(), stdout=write, stderr=write, check=False
    )
    os.close(write)
    assert done.returncode == 0
    assert (only_run(folder / "runs") / "run.json").exists()
