"""JSON files that carry the SHA-256 of themselves, and the bounded reading of any JSON.

The key ``sha256`` holds the SHA-256 of the canonical form (sorted keys, no spaces, ASCII) of all other keys.
A file counts only if it is, byte for byte, what would be written for its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from dltricks.core.errors import DamagedError, NewerFormatError
from dltricks.runs import files

LIMIT, LARGEST = 4 * 2**20, 64 * 2**20
"""Bytes of what one run has to say, and of what there is to say of many."""


def save(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a mapping with its seal, atomically; the mapping as written."""
    sealed = {**content, "sha256": seal(content)}
    files.write_atomically(path, _text(sealed))
    return sealed


def seal(content: Mapping[str, Any]) -> str:
    """The SHA-256 of a mapping's canonical form; a key ``sha256`` is left out."""
    bare = {key: value for key, value in content.items() if key != "sha256"}
    canonical = json.dumps(bare, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _text(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2, allow_nan=False).encode() + b"\n"


def load(path: Path, newest: int, limit: int = LIMIT) -> dict[str, Any] | None:
    """The content of a sealed file, or None where there is none.

    Raises:
        DamagedError: not what was written.
        NewerFormatError: of a format newer than ``newest``.
    """
    raw = files.read(path, limit, follow_links=True)
    if raw is None:
        return None
    content = parse(raw, path)
    version = content.get("format")
    if type(version) is int and version > newest:
        message = f"format {version} of a newer dltricks, this one reads {newest}; update dltricks"
        raise NewerFormatError(f"{path}: {message}")
    if content.get("sha256") != seal(content) or _text(content) != raw:
        raise DamagedError(f"{path}: damaged, its checksum does not match its content")
    return content


def parse(raw: bytes | bytearray, where: object) -> dict[str, Any]:
    """A JSON object; deep nesting, endless numbers, NaN, bad UTF-8 and other values are refused."""
    try:
        content = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{where}: damaged, not valid JSON") from error
    if not isinstance(content, dict):
        raise DamagedError(f"{where}: damaged, not a JSON object")
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
