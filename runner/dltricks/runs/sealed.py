"""JSON files that carry the SHA-256 of themselves, and the bounded reading of any JSON.

The last key is ``sha256``, and holds the SHA-256 of all bytes before the comma in front of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from json.encoder import encode_basestring_ascii
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from dltricks.core.errors import DamagedError, NewerFormatError
from dltricks.runs import files

LIMIT, LARGEST = 4 * 2**20, 64 * 2**20
"""Bytes of what one run has to say, and of what there is to say of many."""
DEEPEST = 100
"""Levels of lists and mappings; nothing that is written has as many, and to write more of them again may fail."""


def save(path: Path, content: Mapping[str, Any], *, sync_name: bool = True) -> dict[str, Any]:
    """Writes a mapping with its seal, as ``files.write_atomically`` does; the mapping as written."""
    sealed = text(content)
    files.write_atomically(path, sealed, sync_name=sync_name)
    return parse(sealed, path)


def text(content: Mapping[str, Any]) -> bytes:
    """A mapping of one key or more as written; the key ``sha256`` is made anew."""
    bare = {key: value for key, value in content.items() if key != "sha256"}
    body = _indented(bare, "\n").encode().removesuffix(b"\n}")
    return body + _seal(body)


def _seal(body: bytes | bytearray) -> bytes:
    return b',\n  "sha256": "%b"\n}\n' % hashlib.sha256(body).hexdigest().encode()


_SEAL = len(_seal(b""))


def _indented(value: Any, line: str) -> str:
    """``json.dumps(value, indent=2)``, which takes several times as long, as the json module does that in Python."""
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is int or (kind is float and isfinite(value)):
        return repr(value)
    inner = line + "  "
    if isinstance(value, Mapping) and value:
        pairs = [f"{encode_basestring_ascii(key)}: {_indented(each, inner)}" for key, each in value.items()]
        return "{" + inner + f",{inner}".join(pairs) + line + "}"
    if isinstance(value, (list, tuple)) and value:
        return "[" + inner + f",{inner}".join([_indented(each, inner) for each in value]) + line + "]"
    return json.dumps(value, allow_nan=False)


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
    if raw[-_SEAL:] != _seal(raw[:-_SEAL]):
        raise DamagedError(f"{path}: damaged, its checksum does not match its content")
    levels = raw.count(b"[") + raw.count(b"{")  # at most
    if levels > DEEPEST and _is_deeper(content, DEEPEST):
        raise DamagedError(f"{path}: damaged, nested more than {DEEPEST} levels deep")
    return content


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner if type(each) in (dict, list))


def parse(raw: bytes | bytearray, where: object) -> dict[str, Any]:
    """A JSON object; deep nesting, numbers beyond float64, NaN, bad UTF-8 and other values are refused."""
    try:
        content = _decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
    except (ValueError, OverflowError, RecursionError) as error:
        raise DamagedError(f"{where}: damaged, not valid JSON") from error
    if not isinstance(content, dict):
        raise DamagedError(f"{where}: damaged, not a JSON object")
    return content


def misfit(value: Any, form: Any) -> str | None:
    """The first key under which a JSON value does not have a form, "the whole" for itself; None where it fits.

    A form is a type, None, a tuple of forms of which one must fit, a list of the one form of all items, or a mapping of
    keys that must be there, with their forms; ``...`` is the form of all other keys.
    """
    if type(form) is type:
        return None if type(value) is form else "the whole"
    if type(form) is tuple:
        fits = type(value) in form or any(misfit(value, one) is None for one in form)
        return None if fits else "the whole"
    if form is None or type(value) is not type(form):
        return None if form is value else "the whole"
    if type(form) is list:
        return _first((str(at), misfit(item, form[0])) for at, item in enumerate(value))
    wanted = (key for key in form if key is not ...)
    others = (key for key in value if key not in form) if ... in form else ()
    return _first(
        (key, misfit(value[key], form.get(key, form.get(...))) if key in value else "the whole")
        for key in chain(wanted, others)
    )


def _first(found: Iterable[tuple[str, str | None]]) -> str | None:
    """The first key of those under which something is wrong."""
    for key, wrong in found:
        if wrong is not None:
            return key if wrong == "the whole" else f"{key}.{wrong}"
    return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _number(text: str) -> float:
    if not isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is no float64")
    return value


def _whole(text: str) -> int:
    float(value := int(text))  # or an OverflowError
    return value


_decode = json.JSONDecoder(parse_constant=_refuse, parse_float=_number, parse_int=_whole).decode
