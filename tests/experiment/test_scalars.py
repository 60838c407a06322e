import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.experiment.document import parse, parse_value
from dltricks.experiment.scalars import FORBIDDEN, LARGEST, read_scalar, write_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1e-05", 1e-05),
        ("1.0e-05", 1e-05),
        (".5", 0.5),
        ("5.", 5.0),
        ("1E6", 1e6),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("0.1", 0.1),
        ("0o17", 15),
        ("0x1F", 31),
        ("9223372036854775807", LARGEST),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_core_scalars_are_read_with_their_type(text, value):
    read = read_scalar(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "text",
    ["no", "on", "yes", "off", "y", "1:30", "2024-01-01", "1_000", "0b1", "-0x1", "tRue", "nUll", "1e", "e3",
     "0o8", "inf", "nan", ".", "-", "=", "<<", "1.2.3"],
)  # fmt: skip
def test_everything_else_stays_text(text):
    assert read_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("012", "leading zeros"),
        ("-012", "leading zeros"),
        ("00.5", "leading zeros"),
        (".inf", "finite"),
        ("-.INF", "finite"),
        (".nan", "finite"),
        ("1e999", "too large"),
        ("1e-999", "too small"),
        ("9223372036854775808", "too large"),
        ("9" * 5000, "too large"),
        ("0x" + "f" * 5000, "too large"),
    ],
)
def test_numbers_that_cannot_be_kept_are_refused(text, reason):
    with pytest.raises(ValueError, match=reason) as error:
        read_scalar(text)
    assert len(str(error.value)) < 250


def test_zero_with_an_exponent_is_zero():
    assert read_scalar("0e-999") == 0.0


PLAIN_TEXT = st.text().filter(lambda text: not FORBIDDEN.search(text))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-LARGEST, LARGEST),
    st.floats(allow_nan=False, allow_infinity=False),
    PLAIN_TEXT,
    st.sampled_from(["no", "1e-3", "null", "0x1", "012", "a: b", "# a", "- a", "", " ", "'", '"', "\\", "a\nb", "é"]),
)


@given(VALUES)
def test_written_scalars_read_back_alone_and_inside_a_file(value):
    text = write_scalar(value)
    for read in (parse(f"key: {text}\n", "f").value["key"], parse_value(f"[{text}]", "f")[0]):
        assert json.dumps(read) == json.dumps(value)
        assert type(read) is type(value)


def test_readers_of_yaml_1_1_see_the_same_numbers():
    yaml = pytest.importorskip("yaml")
    for value in (1e-05, 1e-08, 1e22, 0.1, 123456.0, "no", "on", "1e-3"):
        assert yaml.safe_load(write_scalar(value)) == value
