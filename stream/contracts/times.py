"""Moments as integer milliseconds since 1970-01-01 UTC, and the forms they have outside.

Inside there is one form, an ``int``, so that moments compare, subtract and sort without a time zone in sight.
What is finer than a millisecond is cut off, not rounded: an event of 23:59:59.9997 stays in its day. (Digits
beyond the microsecond are rounded to it first; the RFC 3339 reader does that.)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta, ValidationError, convert

SECOND: Final = 1_000
DAY: Final = 86_400_000
WEEK: Final = 7 * DAY

#: The first and last millisecond of the years 1 to 9999, which is what RFC 3339 and `datetime` can say.
MOMENT_MIN: Final = -62_135_596_800_000
MOMENT_MAX: Final = 253_402_300_799_999

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: A moment with its zone. msgspec reads RFC 3339 into it faster than any other way that was measured.
Zoned = Annotated[datetime, Meta(tz=True)]

# Why a moment is refused, in words for the one who sent it.
NO_ZONE: Final = "has no time zone; write Z or an offset such as +02:00"
NO_TIME: Final = "is no RFC 3339 time such as 2017-01-01T11:53:26Z, and no number of epoch seconds"
NO_YEAR: Final = "is not within the years 1 to 9999 UTC; a number means epoch seconds, not milliseconds"


def parse_time(value: str | float | datetime) -> int:
    """Milliseconds since 1970-01-01 UTC of a moment written in one of the accepted forms.

    Parameters
    ----------
    value
        RFC 3339 text with any offset (``Z``, ``+02:00``) and any number of fraction digits; or a number of
        epoch **seconds**; or a `datetime` that has a zone.

    Raises
    ------
    ValueError
        The text is no such moment, has no zone (whose midnight would it be?), or lies outside the years 1 to
        9999.

    Examples
    --------
    >>> parse_time("2017-01-01T13:53:26.5+02:00")
    1483271606500
    >>> parse_time(1483271606.5)
    1483271606500
    """
    if isinstance(value, datetime):
        return from_datetime(value)
    if isinstance(value, str):
        try:
            return from_datetime(convert(value, datetime))
        except ValidationError:
            raise ValueError(NO_TIME) from None
    if isinstance(value, bool):
        raise ValueError("true and false are no moments")  # noqa: TRY004  callers catch one kind of error
    return from_seconds(value)


def from_datetime(moment: datetime) -> int:
    """Milliseconds of a `datetime`; its zone is required. Exact: no floating point on the way.

    >>> from_datetime(datetime(2017, 1, 1, 11, 53, 26, 999_999, tzinfo=UTC))
    1483271606999
    """
    if moment.tzinfo is None:
        raise ValueError(NO_ZONE)
    since = moment - EPOCH
    at = since.days * DAY + since.seconds * SECOND + since.microseconds // 1_000
    if not MOMENT_MIN <= at <= MOMENT_MAX:  # the last hours of the year 9999 somewhere are the year 10000 in UTC
        raise ValueError(NO_YEAR)
    return at


def from_seconds(seconds: float) -> int:
    """Milliseconds of a number of epoch seconds, taken as the shortest decimal that names it.

    1483271606.123 has no exact double; the one nearest to it lies below, and cutting that would give .122.

    >>> from_seconds(1483271606.123)
    1483271606123
    """
    # Written so that nan, which compares to nothing, is refused as well.
    if not MOMENT_MIN <= seconds * SECOND <= MOMENT_MAX:
        raise ValueError(NO_YEAR)
    nearest = round(seconds * SECOND)
    if nearest / SECOND == seconds:
        return nearest
    return int((Decimal(repr(seconds)) * SECOND).to_integral_value("ROUND_FLOOR"))


# One moment is written several times over: as the effect of a decision, in the record, in the message's header.
@lru_cache(maxsize=16_384)
def format_time(moment: int) -> str:
    """RFC 3339 in UTC; milliseconds are shown only where there are any.

    Raises
    ------
    ValueError
        `moment`, in ms, lies outside the years 1 to 9999.

    Examples
    --------
    >>> format_time(1483271606000), format_time(1483271606050)
    ('2017-01-01T11:53:26Z', '2017-01-01T11:53:26.050Z')
    """
    return time_text(moment)


def time_text(moment: int) -> str:
    """The same as `format_time`, for moments that are written once: they need not be remembered."""
    second = moment // SECOND
    hour = second // 3_600
    text = _hour_text(hour) + _WITHIN_HOUR[second - 3_600 * hour]
    fraction = moment - SECOND * second
    return text + _FRACTIONS[fraction]


# Every decision holds several moments; texts put together cost a quarter of `datetime.isoformat`. A table of
# hours holds three years of them; one of minutes would hold eleven days, and the moments of a replay lie further apart.
_WITHIN_HOUR: Final = tuple(f"{second // 60:02d}:{second % 60:02d}" for second in range(3_600))
_FRACTIONS: Final = ("Z", *(f".{fraction:03d}Z" for fraction in range(1, 1_000)))


@lru_cache(maxsize=32_768)
def _hour_text(hour: int) -> str:
    moment = hour * 3_600 * SECOND
    if not MOMENT_MIN <= moment <= MOMENT_MAX:
        raise ValueError(f"{moment} ms is not within the years 1 to 9999")
    return (EPOCH + timedelta(hours=hour)).isoformat()[:14]
