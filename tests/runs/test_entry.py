import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.core.errors import DamagedError
from dltricks.runs import entry, logs

NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**62), 2**62)


@given(st.data(), st.lists(st.sampled_from(["val_loss", "e", "lr", "grad_norm"]), unique=True))
def test_only_the_numbers_of_lines_that_are_alike_are_parsed(data, names):
    names = ["epoch", *names]
    rows = data.draw(st.lists(st.tuples(*(NUMBER for _ in names)), min_size=1, max_size=4))
    raw = b"".join(logs.encode(dict(zip(names, row, strict=True)), summed=False) for row in rows)
    found, table = entry._table_of_numbers(bytearray(raw))
    assert found == names
    np.testing.assert_array_equal(table, np.array(rows, np.float64))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[1]\n",
        b'{"epoch":1,"a":2}',
        b'{"epoch":1,"a":2}\n\n',
        b'{"epoch":1,"a":2}\n{"a":2,"epoch":1}\n',
        b'{"epoch":1,"a":2}\n{"epoch":2}\n',
        b'{"epoch":1,"a":2,"a":3}\n',
        b'{"epoch":1,"a1":2,"a2":3}\n{"epoch":2,"a2":2,"a1":3}\n',
        b'{"epoch":1,"a": 2}\n',
        b'{"epoch":1,"a":}\n',
        b'{"epoch":1,"a":e}\n',
        b'{"epoch":1,"a":01}\n',
        b'{"epoch":1,"a":+1}\n',
        b'{"epoch":1,"a":1-2}\n',
        b'{"epoch":1,"a":"2"}\n',
        b'{"epoch":1,"a":true}\n',
        b'{"epoch":1,"a":NaN}\n',
        b'{"epoch":1,"a":{"b":2}}\n',
        b'x{"epoch":1}\n',
        b'-{"epoch":1}\n',
        b'{"epoch":1,.5"a":2}\n',
        b'{5"epoch":1}\n',
        b'5{"epoch":1}\n',
        b'{"epoch":1}\n5{"epoch":2}\n',
        b'{"epoch":1}5\n',
        b'{"epoch":1}\n5',
    ],
)
def test_other_logs_are_left_to_those_who_read_line_by_line(raw):
    with pytest.raises(ValueError, match=r"form|Expecting|Extra"):
        entry._table_of_numbers(bytearray(raw))


@pytest.mark.parametrize("spelled", ['{"epoch":1,"a":2}\n{"a":3,"epoch":2}\n', '{ "epoch":1,"a":2}\n{"epoch":2,"a":3}'])
def test_lines_of_the_same_names_in_another_order_or_spelling(spelled, tmp_path):
    found = entry._measured(bytearray(spelled, "ascii"), tmp_path, [])
    assert (found.metrics, found.count) == (("a",), 2)
    assert found.row("a").tolist() == [json.loads(line)["a"] for line in spelled.splitlines()]


@pytest.mark.parametrize(
    "raw", [b"[1]\n", b"1\n", b"null\n", b"[[1]]\n", b'"epoch"\n', b'{"epoch":1}\n[1]\n', b'{"epoch":01}\n']
)
def test_what_is_no_log_is_damaged_whatever_its_checksum(raw, tmp_path):
    with pytest.raises(DamagedError, match=r"metrics\.jsonl, line"):
        entry._measured(bytearray(raw), tmp_path / "metrics.jsonl", [])


@pytest.mark.parametrize("value", [b"1e999", b"9" * 400])
def test_a_log_of_numbers_that_no_float_holds_is_damaged(tmp_path, value):
    raw = bytearray(b'{"epoch":1,"a":2.0}\n{"epoch":2,"a":%b}\n' % value)
    with pytest.raises(DamagedError, match=r"metrics\.jsonl, line 2: damaged"):
        entry._measured(raw, tmp_path / "metrics.jsonl", [])
