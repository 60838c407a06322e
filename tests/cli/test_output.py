from __future__ import annotations

import io
import sys

import pytest

from dltricks.cli.output import inert, say, write


class Gone(io.StringIO):
    """A stream at whose other end nobody is."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 汉 [red]", "plain ü 汉 [red]"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\tc\x07\x00", "a\\nb\\r\\tc\\x07\\x00"),
        ("right\u202eleft", "right\\u202eleft"),
        ("\ud800", "\\ud800"),
    ],
)
def test_inert(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_results_go_to_stdout_and_the_rest_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    write("result")
    say("progress\nof two \x1b[1mlines")
    assert capsys.readouterr() == ("result\n", "dltricks: progress\nof two \\x1b[1mlines\n")


def test_a_reader_who_left_does_not_stop_the_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Gone(BrokenPipeError()))
    write("unseen")


def test_other_trouble_with_results_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Gone(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write("unsaved")


def test_a_terminal_that_is_gone_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Gone(OSError(5, "Input/output error")))
    say("unseen")
