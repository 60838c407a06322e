"""What a plain word of YAML means: the core scalars of YAML 1.2, and nothing converted silently.

Reference: https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

LARGEST = 2**63 - 1
"""The largest whole number that is read, and so the largest seed."""

# Control characters, line separators that YAML 1.1 and 1.2 read differently, lone surrogates, non-characters.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted word.

    Raises:
        ValueError: a number that cannot be taken as it stands; the message is the sentence for the user.
    """
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _OTHER_BASE.fullmatch(text):
        return _integer(text, 0)
    if _FLOAT.fullmatch(text):
        if _LEADING_ZERO.match(text):
            raise ValueError(
                f"{_short(text)} has leading zeros, which some readers take as octal; "
                "write the number without them, or quote the text"
            )
        if _INTEGER.fullmatch(text):
            return _integer(text, 10)
        return _finite(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number; write one, or leave the key out")
    return text


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{_short(text)} is too large for a float64; the largest is 1.7e308")
    if value == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
        raise ValueError(f"{_short(text)} is too small for a float64; write 0")
    return value


def _integer(text: str, base: int) -> int:
    # The length is looked at first: Python refuses to convert thousands of digits, with its own error.
    value = int(text, base) if len(text) <= 30 else LARGEST + 1
    if abs(value) > LARGEST:
        raise ValueError(
            f"{_short(text)} is too large: whole numbers go up to {LARGEST}; write an exponent, as in 1e20"
        )
    return value


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."


def write_scalar(value: Scalar) -> str:
    """The text that ``read_scalar`` (or a quoted word) reads back as exactly this value and type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # 1e-05 is a number in YAML 1.2 only; 1.0e-05 is one for every reader.
        text = repr(value)
        return text if "." in text else text.replace("e", ".0e")
    if isinstance(value, int):
        return str(value)
    return value if _is_plain(value) else _quoted(value)


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_YAML_1_1_BOOLEANS = {"y", "n", "yes", "no", "on", "off"}


def _is_plain(text: str) -> bool:
    if not _PLAIN.fullmatch(text) or text.lower() in _YAML_1_1_BOOLEANS:
        return False
    return isinstance(read_scalar(text), str)


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(character, character) for character in text) + '"'
