from __future__ import annotations

import sys

import pytest

from dltricks.core.errors import UsageError
from dltricks.core.extras import require_numba


def test_without_numba_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(UsageError, match=r"dltricks\[fast\]"):
        require_numba()
