from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.compiled


def test_it_compiles_where_nothing_can_be_kept(tmp_path: Path) -> None:
    file = tmp_path / "blocked"
    file.write_text("no folder")
    # As in a container with a read-only home: numba finds no place for its cache.
    script = (
        "from numba.core import caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from dltricks.compiled.jit import kernel\n"
        "@kernel\n"
        "def twice(x):\n"
        "    return 2 * x\n"
        "print(twice(21))\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(file)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "42\n"
