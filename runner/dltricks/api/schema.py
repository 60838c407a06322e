"""The JSON schema of experiment files, which lets editors complete and check them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltricks.api.session import PathLike
from dltricks.core import registry


def schema(*, plugins: Sequence[PathLike] = ()) -> dict[str, Any]:
    """The schema (draft 7) of every key and every trick, those of the given plugins included."""
    from dltricks.experiment.schema import json_schema

    for plugin in plugins:
        registry.add_plugin(Path(plugin))
    return json_schema()
