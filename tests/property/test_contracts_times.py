"""Every way to write a moment is the same moment, and agrees with `datetime`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.times import EPOCH, MOMENT_MAX, MOMENT_MIN, format_time, parse_time

moments = st.integers(MOMENT_MIN, MOMENT_MAX)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# A day off both ends, so that no offset leaves the years that datetime has.
local = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets)  # noqa: DTZ001  zones are drawn


def milliseconds(moment):
    """The definition, in whole numbers: milliseconds that have passed since 1970, cut downwards."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


@given(moments)
def test_what_is_written_is_read_back(moment):
    text = format_time(moment)
    assert parse_time(text) == moment
    assert text.endswith("Z")
    assert ("." in text) is bool(moment % 1000)


@given(moments, moments)
def test_texts_of_one_length_sort_as_the_moments_do(one, other):
    first, second = format_time(one), format_time(other)
    if len(first) == len(second):
        assert (first < second) is (one < other)


@given(local, st.sampled_from(["T", "t", " "]), st.booleans())
def test_every_form_of_rfc_3339_agrees_with_datetime(moment, separator, colon):
    text = moment.isoformat(separator)
    if not colon:
        text = text[:-3] + text[-2:]
    expected = milliseconds(datetime.fromisoformat(text))
    assert parse_time(text) == parse_time(moment) == expected
    in_utc = moment.astimezone(UTC).isoformat(separator)
    for zone in ("Z", "z", "+00:00", "-00:00"):
        assert parse_time(in_utc.removesuffix("+00:00") + zone) == expected


@given(moments, st.text("0123456789", min_size=1, max_size=30))
def test_any_number_of_fraction_digits_names_the_same_millisecond_to_within_one_microsecond(moment, digits):
    second = moment - moment % 1000
    text = format_time(second).removesuffix("Z")
    exact = second * 10 ** len(digits) + int(digits) * 1000
    try:
        parsed = parse_time(f"{text}.{digits}Z")
    except ValueError:
        assert text == "9999-12-31T23:59:59"  # rounded up to the year 10000
    else:
        scale = 10 ** len(digits)
        assert exact // scale <= parsed <= (exact + scale // 1000) // scale + (scale < 1000)


@given(moments)
def test_whole_epoch_seconds(moment):
    assert parse_time(moment // 1000) == moment // 1000 * 1000


@given(st.integers(0, 4_102_444_800_000))
def test_fractional_epoch_seconds_keep_their_millisecond(moment):
    """Up to the year 2100; the shortest decimal of the double has the three digits that were written."""
    assert parse_time(moment / 1000) == moment
    assert parse_time(float(f"{moment // 1000}.{moment % 1000:03}")) == moment


@given(st.text() | st.floats() | st.integers() | st.binary().map(lambda data: data.decode("latin-1")))
def test_anything_is_either_a_moment_or_refused(value):
    try:
        parsed = parse_time(value)
    except ValueError:
        return
    assert MOMENT_MIN <= parsed <= MOMENT_MAX
