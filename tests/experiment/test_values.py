import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.core.errors import UsageError
from dltricks.experiment.values import Grid, Span, read_sampled, read_values, same


def fail(where, message):
    raise UsageError(f"{'.'.join(map(str, where))}: {message}")


def values(form):
    found = read_values(form, fail)
    expanded = list(found.expand())
    assert found.count == len(expanded)
    return expanded


def log(low, high, count):
    return {"log": [low, high], "count": count}


def linear(low, high, count):
    return {"linear": [low, high], "count": count}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ([0, 0.2, "none"], [0, 0.2, "none"]),
        ([[64], [64, 64]], [[64], [64, 64]]),
        ([{"name": "sgd", "lr": 0.1}], [{"name": "sgd", "lr": 0.1}]),
        ([True, 1], [True, 1]),
        (["1", 1], ["1", 1]),
        ("0..3", [0, 1, 2, 3]),
        ("-1..1", [-1, 0, 1]),
        ("7..7", [7]),
        (log(1e-4, 1e-1, 4), [1e-4, 1e-3, 1e-2, 1e-1]),
        (log(1e-1, 1e-3, 3), [0.1, 0.01, 0.001]),
        (log(1, 2.0, 3), [1, 1.41421, 2.0]),
        (linear(0, 0.5, 6), [0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (linear(-1.0, 1.0, 3), [-1.0, 0.0, 1.0]),
        (log(16, 256, 5), [16, 32, 64, 128, 256]),
        (log(1, 1000, 4), [1, 10, 100, 1000]),
        (linear(1, 4, 4), [1, 2, 3, 4]),
        (linear(1, 2, 3), [1, 1.5, 2]),
        (linear(1, 10_000_001, 3), [1, 5_000_001, 10_000_001]),
        (linear(1.0, 3, 3), [1.0, 2.0, 3]),
        (log(1e-300, 1e300, 3), [1e-300, 1.0, 1e300]),
        (linear(-1e308, 1e308, 3), [-1e308, 0.0, 1e308]),
        (log(0.12345678, 3, 2), [0.12345678, 3]),
    ],
)
def test_every_form(form, expected):
    found = values(form)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ([], ": the list is empty; write at least one value"),
        (0.5, ": found 0.5, allowed: a list of values, a range such as 0..9, or {log:"),
        ("relu", ": found the text 'relu', allowed: a list"),
        (None, ": found nothing, allowed: a list"),
        ({"rate": 0.5}, ": found a mapping, allowed: a list"),
        ("9..0", ": found 9..0, allowed: an ascending range; write 0..9"),
        ("00..3", ": 00 has leading zeros"),
        ("0..99999999999999999999", "too large"),
        ([1, None], "1: found nothing (null); write none"),
        ([0.1, 0.2, 0.1], "2: found 0.1 twice, as value 1 and 3; keep one of them"),
        ([1, 1.0], "1: found 1.0 twice"),
        ([{"a": 1, "b": 2}, {"b": 2.0, "a": 1}], "1: found a mapping twice"),
        ({"log": [1, 2]}, ": count is missing, allowed: a whole number of values, at least 2"),
        (log(1, 2, 1), "count: found 1, allowed: a whole number of values, at least 2"),
        (log(1, 2, 2.0), "count: found 2.0, allowed"),
        (log(1, 2, True), "count: found true, allowed"),
        ({**log(1, 2, 3), "cuont": 3}, "cuont: unknown field 'cuont'; did you mean 'count'?"),
        ({**log(1, 2, 3), "linear": [1, 2]}, ": found both log and linear"),
        (log(0, 1, 3), "log: found the bound 0, allowed: numbers above 0"),
        (log(1, -1, 3), "log: found the bound -1"),
        (log(2, 2.0, 3), "log: both bounds are 2"),
        (log("1", 2, 3), "log: found a list, allowed: a list of two numbers"),
        (log(True, 2, 3), "log: found a list, allowed: a list of two numbers"),
        ({"log": 3, "count": 3}, "log: found 3, allowed: a list of two numbers"),
        ({"linear": [1, 2, 3], "count": 3}, "linear: found a list, allowed: a list of two numbers"),
    ],
)
def test_every_refusal(form, message):
    with pytest.raises(UsageError) as error:
        read_values(form, fail)
    assert message in str(error.value)


def test_what_is_nearly_whole_stays_a_number_with_a_fraction():
    found = values(linear(0, 1, 1001))
    assert found[1] == 0.001
    assert len({type(value) for value in found[1:-1]}) == 1


def test_nothing_is_enumerated_before_it_is_asked_for():
    assert read_values("0..9223372036854775806", fail).count == 2**63 - 1
    assert read_values(log(1e-3, 1, 10**15), fail).count == 10**15


def test_what_can_be_sampled():
    assert read_sampled({"log": [1e-4, 1]}, fail) == Span(True, (1e-4, 1))
    assert read_sampled({"log": [1e-4, 1]}, fail).at(0.5) == 0.01
    assert read_sampled({"linear": [0, 0.5]}, fail).at(0.123456789) == 0.0617284
    assert [read_sampled("3..5", fail).at(share) for share in (0.0, 0.34, 0.999)] == [3, 4, 5]
    assert [read_sampled(["a", "b"], fail).at(share) for share in (0.0, 0.49, 0.5, 0.999)] == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"log": [1, 2], "count": 3}, "count: unknown field 'count'"),
        ([], ": the list is empty"),
        (3, ": found 3, allowed: a list of choices"),
        ("sgd", ": found the text 'sgd', allowed: a list of choices"),
    ],
)
def test_what_cannot_be_sampled(form, message):
    with pytest.raises(UsageError) as error:
        read_sampled(form, fail)
    assert str(error.value).startswith(message)


def test_a_grid_finer_than_its_digits_is_told_from_one_that_is_not():
    assert Grid(Span(False, (1.0, 1.001)), 5).distinct()
    assert Grid(Span(False, (1.001, 1.0)), 5).distinct()
    assert not Grid(Span(False, (1.0, 1.0000001)), 5).distinct()
    # Rounding would put the value in the middle below the first.
    assert not Grid(Span(False, (1.0000004, 1.0000005)), 3).distinct()


def test_equal_values_share_a_text():
    assert same([1, {"a": 2.0, "b": "x"}]) == same([1.0, {"b": "x", "a": 2}])
    assert len({same(value) for value in (1, True, "1", None, [1], {"1": 1}, 1.5)}) == 7


positive = st.floats(1e-6, 1e6)


@given(st.booleans(), positive, positive, st.integers(2, 30))
def test_a_grid_that_is_not_too_fine_goes_from_bound_to_bound(geometric, low, high, count):
    if abs(high - low) < 1e-3 * max(high, low):
        return
    found = list(Grid(Span(geometric, (low, high)), count).expand())
    assert (len(found), found[0], found[-1]) == (count, low, high)
    assert sorted(found, reverse=low > high) == found
    assert all(float(f"{value:.6g}") == value for value in found[1:-1])
