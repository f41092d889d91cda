"""Amounts are exact: held against `decimal` with more digits than any amount has."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.money import AMOUNT_CHARS_MAX, MINOR_UNITS_MAX, from_minor, to_minor

EXACT = Context(prec=1_000, rounding=ROUND_HALF_EVEN)
exponents = st.integers(0, 4)
minors = st.integers(-MINOR_UNITS_MAX, MINOR_UNITS_MAX)
digits = st.text("0123456789", min_size=1, max_size=20)
numbers = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-", "+"]),
    digits,
    st.just("") | digits.map(".{}".format),
    st.just("") | st.integers(-40, 40).map("e{}".format),
)


def expected(text, exponent):
    """Minor units by definition, or None where they are more than is accepted."""
    value = EXACT.scaleb(Decimal(text), exponent)
    minor = int(EXACT.quantize(value, Decimal(1)))
    return minor if abs(minor) <= MINOR_UNITS_MAX else None


def minor_or_none(amount, exponent):
    try:
        return to_minor(amount, exponent)
    except ValueError:
        return None


@given(minors, exponents)
def test_what_is_written_is_read_back(minor, exponent):
    text = from_minor(minor, exponent)
    assert to_minor(text, exponent) == minor
    assert EXACT.scaleb(Decimal(text), exponent) == minor


@given(numbers, exponents)
def test_text_is_exact(text, exponent):
    assert minor_or_none(text, exponent) == expected(text, exponent)


@given(st.integers(-(10**17), 10**17), exponents)
def test_whole_numbers_are_exact(amount, exponent):
    assert minor_or_none(amount, exponent) == expected(str(amount), exponent)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e6, 1e6), exponents)
def test_a_double_is_the_shortest_decimal_that_names_it(amount, exponent):
    beyond = abs(amount) * 10**exponent > MINOR_UNITS_MAX
    assert minor_or_none(amount, exponent) == (None if beyond else expected(repr(amount), exponent))


@given(st.integers(-(10**15), 10**15))
def test_cents_written_as_a_json_number_are_those_cents(minor):
    assert to_minor(minor / 100) == minor


@given(st.integers(-(10**8), 10**8))
def test_halves_go_to_the_even_cent_in_text_and_number_alike(tenths):
    text = from_minor(10 * tenths + 5, 3)
    assert to_minor(text) == to_minor(float(text)) == expected(text, 2)


@given(st.text() | st.text("0123456789.eE+-_ nNaAiIfF²\u0661", max_size=12))
def test_any_text_is_either_an_amount_or_refused(text):
    minor = minor_or_none(text, 2)
    if minor is not None:
        assert len(text) <= AMOUNT_CHARS_MAX
        assert minor == expected(text, 2)


@given(st.text("0123456789.\u0661²", min_size=4, max_size=6))
def test_the_short_way_through_accepts_no_more_than_the_long_one(text):
    """Three places have no short way: what is refused there is refused with two."""
    if minor_or_none(text, 3) is None:
        with pytest.raises(ValueError, match=r"."):
            to_minor(text, 2)
