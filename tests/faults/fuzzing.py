"""How long is fuzzed, and the command line as fuzzing calls it: in this process, thousands of times."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from cli.shell import Result
from hypothesis import settings

from dltricks.cli.main import main
from dltricks.core import registry

DOCUMENTED = {0, 2, 3, 4, 5, 6, 7, 9}
"""Every exit code but those of bugs, clusters and signals."""


def examples(usual: int) -> settings:
    """So many examples in the normal tests, and a multiple of them where the profile asks for more than 100."""
    return settings(max_examples=usual * settings().max_examples // 100)


def call(*args: object) -> Result:
    """What ``dltricks`` answers, with plugins forgotten as between two processes."""
    out, err = io.StringIO(), io.StringIO()
    environment = {"COLUMNS": "100", "NO_COLOR": "1"}
    code = 0
    registry.forget_plugins()
    with (
        patch.object(sys, "argv", ["dltricks", *map(str, args)]),
        patch.dict(os.environ, environment),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as exit:
            code = int(exit.code or 0)
        finally:
            registry.forget_plugins()
    return Result(code, out.getvalue(), err.getvalue())


def documented(result: Result) -> None:
    """Fails unless the answer is a documented one: no bug, no traceback, nothing that acts on a terminal."""
    assert result.code in DOCUMENTED, result
    assert "Traceback" not in result.err + result.out, result.err
    assert "bug:" not in result.err, result.err
    assert all(line.isprintable() for line in (result.err + result.out).split("\n")), result
    if result.code:
        assert "dltricks: " in result.err, result
