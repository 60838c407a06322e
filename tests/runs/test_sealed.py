import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.core.errors import DamagedError
from dltricks.runs import sealed

CONTENT = {"format": 1, "z": [1, 0.1, None], "a": {"ä\x1b": 1e-5}}


def test_round_trip_in_the_given_order(tmp_path):
    written = sealed.save(tmp_path / "a.json", CONTENT)
    loaded = sealed.load(tmp_path / "a.json", 1)
    assert loaded == written
    assert list(loaded) == ["format", "z", "a", "sha256"]
    assert b"\x1b" not in (tmp_path / "a.json").read_bytes()


def test_the_documented_rule_of_the_checksum(tmp_path):
    sealed.save(tmp_path / "a.json", CONTENT)
    content = json.loads((tmp_path / "a.json").read_text())
    said = content.pop("sha256")
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert said == hashlib.sha256(canonical.encode()).hexdigest()


def test_every_flipped_byte_and_every_truncation_is_seen(tmp_path):
    path = tmp_path / "a.json"
    sealed.save(path, CONTENT)
    content = path.read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        for damaged in (flipped, content[:place]):
            path.write_bytes(damaged)
            with pytest.raises(DamagedError, match=r"a\.json"):
                sealed.load(path, 1)


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
    )
)
def test_the_bytes_are_those_of_the_json_module(content):
    assert sealed._text(content) == json.dumps(content, indent=2).encode() + b"\n"


@pytest.mark.parametrize("depth", [300, 480, 700, 950])
def test_nested_deeply_with_a_right_checksum(tmp_path, depth):
    nested = f'"a": {"[" * depth}{"]" * depth}'
    bare = "{" + nested.replace(" ", "") + "}"
    said = hashlib.sha256(bare.encode()).hexdigest()
    (tmp_path / "a.json").write_text("{" + nested + f', "sha256": "{said}"' + "}")
    with pytest.raises(DamagedError, match=r"a\.json"):
        sealed.load(tmp_path / "a.json", 1)


def test_a_newer_format_is_named(tmp_path):
    sealed.save(tmp_path / "a.json", {"format": 2})
    with pytest.raises(DamagedError, match="format 2 of a newer dltricks, this one reads 1"):
        sealed.load(tmp_path / "a.json", 1)


def test_a_missing_file_is_none(tmp_path):
    assert sealed.load(tmp_path / "a.json", 1) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[1]",
        b"1",
        b'{"a": NaN}',
        b'{"a": 1',
        b"\xff",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 5000,
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b'{"a": %b}' % (b"9" * 400),
    ],
)
def test_hostile_json(raw):
    with pytest.raises(DamagedError, match=r"^here: damaged"):
        sealed.parse(raw, "here")


def test_nan_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        sealed.save(tmp_path / "a.json", {"a": float("nan")})
