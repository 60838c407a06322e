"""Packages that not everyone needs."""

from __future__ import annotations

from importlib.util import find_spec

from dltricks.core.errors import UsageError


def require_numba() -> None:
    """Refuses to go on where numba is not installed.

    Raises:
        UsageError: with what to install, or to write instead.
    """
    if find_spec("numba") is None:
        raise UsageError(
            "kernels: compiled ones are made by numba, which is not installed; run "
            '`python -m pip install "dltricks[fast]"`, or write kernels: numpy'
        )
