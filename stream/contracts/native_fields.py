"""Moments and amounts read from text by native code, in the forms that nearly all of them have.

What is read here is what `times.parse_time` and `money.to_minor` read; anything written otherwise is left to them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stream.contracts.block import NEVER
from stream.contracts.json_skip import COLON, MINUS, NINE, PLUS, POINT, ZERO, after_digits
from stream.contracts.money import MINOR_UNITS_MAX
from stream.contracts.times import DAY, MOMENT_MAX, MOMENT_MIN, SECOND
from stream.native.jit import Bytes, native

#: So many digits are an amount that a double names exactly, whichever they are.
_DIGITS_MAX: Final = 15
_TENS: Final = np.array([10**power for power in range(5)], np.int64)

_T: Final = ord("T")
_Z: Final = ord("Z")
_SECONDS_SIZE: Final = len("2017-01-01T11:53:26")
_OFFSET_SIZE: Final = len("+01:00")
# Digits beyond these are rounded to them, see `times`.
_FRACTION_MAX: Final = 6
_HOURS: Final = 24
_SIXTY: Final = 60
_MINUTE: Final = 60 * SECOND
_HOUR: Final = 60 * _MINUTE

_FEBRUARY: Final = 2
_MONTHS: Final = 12
# Days of a common year before each month, and after the last.
_DAYS_BEFORE: Final = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365], np.int64)
#: Days from 0001-01-01 to 1970-01-01.
_TO_1970: Final = 719_162


@native
def _number(text: Bytes, at: int, digits: int) -> int:
    """The value of so many digits; -1 if one is none."""
    value = 0
    for place in range(at, at + digits):
        if text[place] < ZERO or text[place] > NINE:
            return -1
        value = 10 * value + text[place] - ZERO
    return value


@native
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date that there is; else `NEVER`."""
    if year < 1 or month < 1 or month > _MONTHS or day < 1:
        return NEVER
    leap = 1 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 0
    last = _DAYS_BEFORE[month] - _DAYS_BEFORE[month - 1] + (leap if month == _FEBRUARY else 0)
    if day > last:
        return NEVER
    years = year - 1
    before = 365 * years + years // 4 - years // 100 + years // 400
    return before + int(_DAYS_BEFORE[month - 1]) + (leap if month > _FEBRUARY else 0) + day - 1 - _TO_1970


@native
def _clock(text: Bytes, at: int) -> int:
    """Ms since midnight of ``HH:MM``; negative if it is none."""
    hour, minute = _number(text, at, 2), _number(text, at + 3, 2)
    if text[at + 2] != COLON or hour < 0 or hour >= _HOURS or minute < 0 or minute >= _SIXTY:
        return -1
    return hour * _HOUR + minute * _MINUTE


@native
def _to_second(text: Bytes, at: int) -> int:
    """Ms since 1970 of ``YYYY-MM-DDTHH:MM:SS`` in UTC; `NEVER` if it is none."""
    days = _days(_number(text, at, 4), _number(text, at + 5, 2), _number(text, at + 8, 2))
    within, second = _clock(text, at + 11), _number(text, at + 17, 2)
    if text[at + 4] != MINUS or text[at + 7] != MINUS or text[at + 10] != _T or text[at + 16] != COLON:
        return NEVER
    if days == NEVER or within < 0 or second < 0 or second >= _SIXTY:
        return NEVER
    return days * DAY + within + second * SECOND


@native
def moment_of(text: Bytes, at: int, size: int) -> int:
    """Ms since 1970 of ``YYYY-MM-DDTHH:MM:SS``, a fraction of up to six digits or none, and ``Z`` or ``+HH:MM``.

    What is finer than a ms is cut off. Anything else is `NEVER`, RFC 3339 or not.
    """
    end, zone = at + size, at + _SECONDS_SIZE
    if zone >= end:
        return NEVER
    moment = _to_second(text, at)
    if moment == NEVER:
        return NEVER
    if text[zone] == POINT:
        start = zone + 1
        zone = after_digits(text, start, end)
        digits = zone - start
        if digits == 0 or digits > _FRACTION_MAX:
            return NEVER
        moment += _number(text, start, min(digits, 3)) * _TENS[max(3 - digits, 0)]
    if zone + 1 == end and text[zone] == _Z:
        return moment
    offset = _clock(text, zone + 1) if zone + _OFFSET_SIZE == end else -1
    if offset < 0 or (text[zone] != PLUS and text[zone] != MINUS):
        return NEVER
    moment += offset if text[zone] == MINUS else -offset
    # An hour of the year 9999 somewhere may be one of the year 10000 in UTC.
    return moment if MOMENT_MIN <= moment <= MOMENT_MAX else NEVER


@native
def minor_of(text: Bytes, at: int, end: int, exponent: int) -> tuple[int, int]:
    """Minor units of digits, or digits, a point and at most `exponent` digits; and where they end.

    The amount is negative where it is written otherwise, or may be too large.
    """
    whole = after_digits(text, at, end)
    digits, decimals, behind = whole - at, 0, whole
    if digits == 0 or digits > _DIGITS_MAX:
        return -1, at
    minor = _number(text, at, digits)
    if whole < end and text[whole] == POINT:
        behind = after_digits(text, whole + 1, end)
        decimals = behind - whole - 1
        if decimals == 0 or decimals > exponent or digits + decimals > _DIGITS_MAX:
            return -1, at
        minor = minor * int(_TENS[decimals]) + _number(text, whole + 1, decimals)
    scale = int(_TENS[exponent - decimals])
    return minor * scale if minor <= MINOR_UNITS_MAX // scale else -1, behind
