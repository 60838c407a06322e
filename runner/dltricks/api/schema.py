"""The JSON schema of experiment files, which lets editors complete and check them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltricks.api.session import PathLike
from dltricks.core import registry
from dltricks.experiment.file_schema import json_schema


def schema(*, plugins: Sequence[PathLike] = ()) -> dict[str, Any]:
    """The schema (draft 7) of every key and every trick.

    Args:
        plugins: files with tricks of the user's own, to be described with the others.

    Raises:
        UsageError: a plugin that cannot be loaded.
    """
    for plugin in plugins:
        registry.add_plugin(Path(plugin))
    return json_schema()
