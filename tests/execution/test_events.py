from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.execution.events import (
    Ended,
    Event,
    Failed,
    Finished,
    Lost,
    Notice,
    Progress,
    Stopped,
    decode,
    encode,
)

NUMBERS = st.floats(allow_nan=False)
COUNTS = st.integers(0, 10**6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
EVENTS = st.one_of(
    st.builds(Progress, NUMBERS, COUNTS, COUNTS, COUNTS, NUMBERS),
    st.builds(Ended, COUNTS, st.dictionaries(st.text(), JSON), st.booleans()),
    st.builds(Failed, COUNTS, st.text(), st.text(), COUNTS),
    st.builds(Notice, st.text()),
    st.just(Finished()),
    st.builds(Stopped, COUNTS, st.text()),
    st.builds(Lost, st.text()),
)


@given(EVENTS)
def test_an_event_is_a_line(event: Event) -> None:
    line = encode(event)
    assert line.isascii()
    assert line.splitlines() == [line]
    assert decode(line) == decode(line.encode() + b"\n") == event


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        '["Finished"',
        '["Finished"]',
        '["Finished", {}, {}]',
        '["Finished", null]',
        '["Finished", {"more": 1}]',
        '["Lost", {}]',
        '["Event", {}]',
        '[["Lost"], {"reason": "x"}]',
        '{"Lost": {"reason": "x"}}',
        "3",
        "null",
        b'["Notice", {"message": "\xff"}]',
        "[" * 100_000,
    ],
)
def test_whatever_else_is_refused(line: str | bytes) -> None:
    with pytest.raises(ValueError, match="not an event") as caught:
        decode(line)
    assert len(str(caught.value)) < 300
