"""Plans of runs with a plugin that tests are free to load."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dltricks.core import registry


@pytest.fixture(autouse=True)
def _built_in_tricks_only() -> Iterator[None]:
    registry.forget_plugins()
    yield
    registry.forget_plugins()
