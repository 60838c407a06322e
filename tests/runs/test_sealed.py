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
    text = (tmp_path / "a.json").read_bytes()
    before, said = text.split(b',\n  "sha256": ')
    assert json.loads(said.removesuffix(b"\n}\n")) == hashlib.sha256(before).hexdigest()


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
        min_size=1,
    ).filter(lambda content: "sha256" not in content)
)
def test_the_bytes_are_those_of_the_json_module(content):
    text = sealed.text(content)
    assert text == json.dumps(json.loads(text), indent=2).encode() + b"\n"
    assert {**content, "sha256": None} == {**json.loads(text), "sha256": None}
    assert sealed.text(json.loads(text)) == text


@pytest.mark.parametrize("raw", [b"", b"\n", b"{}\n", b'{"sha256": 1}'])
def test_a_file_without_a_seal(tmp_path, raw):
    (tmp_path / "a.json").write_bytes(raw)
    with pytest.raises(DamagedError, match=r"a\.json"):
        sealed.load(tmp_path / "a.json", 1)


@pytest.mark.parametrize("depth", [sealed.DEEPEST - 1, sealed.DEEPEST, 480, 950, 200_000])
def test_nested_deeply_with_a_right_checksum(tmp_path, depth):
    body = b'{\n  "a": ' + b"[" * depth + b"]" * depth
    (tmp_path / "a.json").write_bytes(body + sealed._seal(body))
    if depth < sealed.DEEPEST:
        assert sealed.load(tmp_path / "a.json", 1)["a"]
    else:
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
