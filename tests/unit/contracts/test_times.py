from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from stream.contracts.times import MOMENT_MAX, MOMENT_MIN, format_time, parse_time

AT = 1_483_271_606_000


@pytest.mark.parametrize(
    ("text", "milliseconds_after"),
    [
        ("2017-01-01T11:53:26Z", 0),
        ("2017-01-01t11:53:26z", 0),
        ("2017-01-01 11:53:26Z", 0),
        ("2017-01-01T11:53:26+00:00", 0),
        ("2017-01-01T11:53:26-00:00", 0),
        ("2017-01-01T17:23:26+05:30", 0),
        ("2016-12-31T23:53:26-12:00", 0),
        ("2017-01-01T11:53:26.5Z", 500),
        ("2017-01-01T11:53:26.123456Z", 123),
        ("2017-01-01T11:53:26.999999Z", 999),
        ("2017-01-01T11:53:26.123456789012Z", 123),
    ],
)
def test_forms_of_rfc_3339(text, milliseconds_after):
    assert parse_time(text) == AT + milliseconds_after


@pytest.mark.parametrize(
    ("seconds", "milliseconds_after"),
    [
        (1_483_271_606, 0),
        (1_483_271_606.0, 0),
        (1_483_271_606.001, 1),
        (1_483_271_606.123, 123),
        (1_483_271_606.9999, 999),
        (1_483_271_605.9999, -1),
    ],
)
def test_epoch_seconds_are_decimals_and_cut_to_the_millisecond(seconds, milliseconds_after):
    assert parse_time(seconds) == AT + milliseconds_after


def test_moments_before_1970_are_cut_downwards_too():
    assert parse_time("1969-12-31T23:59:59.9999Z") == -1
    assert parse_time(-0.0001) == -1


def test_datetimes_keep_their_zone():
    assert parse_time(datetime(2017, 1, 1, 13, 53, 26, tzinfo=timezone(timedelta(hours=2)))) == AT
    with pytest.raises(ValueError, match="no time zone"):
        parse_time(datetime(2017, 1, 1, 13, 53, 26))  # noqa: DTZ001  that is the point


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "RFC 3339"),
        ("2017-01-01", "RFC 3339"),
        ("2017-01-01T11:53Z", "RFC 3339"),
        ("2017-01-01T24:00:00Z", "RFC 3339"),
        ("2017-01-01T11:53:60Z", "RFC 3339"),
        ("2017-13-01T11:53:26Z", "RFC 3339"),
        ("2017-W01-1T11:53:26Z", "RFC 3339"),
        ("20170101T115326Z", "RFC 3339"),
        ("0000-01-01T00:00:00Z", "RFC 3339"),
        ("2017-01-01T11:53:26", "no time zone"),
        ("0001-01-01T00:00:00+00:01", "years 1 to 9999"),
        ("9999-12-31T23:59:59-00:01", "years 1 to 9999"),
        (float("nan"), "years 1 to 9999"),
        (float("inf"), "years 1 to 9999"),
        (-1e308, "years 1 to 9999"),
        (10**400, "years 1 to 9999"),
        (1_483_271_606_000, "not milliseconds"),
        (True, "no moments"),
    ],
)
def test_refused(value, reason):
    with pytest.raises(ValueError, match=reason):
        parse_time(value)


def test_both_ends_of_what_can_be_said():
    assert format_time(MOMENT_MIN) == "0001-01-01T00:00:00Z"
    assert format_time(MOMENT_MAX) == "9999-12-31T23:59:59.999Z"
    for beyond in (MOMENT_MIN - 1, MOMENT_MAX + 1):
        with pytest.raises(ValueError, match="years 1 to 9999"):
            format_time(beyond)


def test_milliseconds_are_shown_only_where_there_are_any():
    assert format_time(AT) == "2017-01-01T11:53:26Z"
    assert format_time(AT + 7) == "2017-01-01T11:53:26.007Z"
    assert format_time(-1) == "1969-12-31T23:59:59.999Z"


def test_the_ends_are_those_of_datetime():
    assert parse_time(datetime.min.replace(tzinfo=UTC)) == MOMENT_MIN
    assert parse_time(datetime.max.replace(tzinfo=UTC)) == MOMENT_MAX
