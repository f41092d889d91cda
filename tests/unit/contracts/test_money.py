from __future__ import annotations

import pytest

from stream.contracts.money import MINOR_UNITS_MAX, exponent_of, from_minor, to_minor


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("12.34", 1234),
        ("0.00", 0),
        ("-0.00", 0),
        (".50", 50),
        ("7.", 700),
        ("7", 700),
        ("+7.5", 750),
        ("-7.5", -750),
        ("007.50", 750),
        ("1e3", 100_000),
        ("12.34E-1", 123),
        ("0.285", 28),  # half to even
        ("0.295", 30),
        ("0.2950000000000000000000001", 30),
        ("0.2850000000000000000000001", 29),
        ("0.285" + "0" * 58 + "1", 29),  # the last character there is room for decides
        ("1e-9999", 0),
        ("0e9999", 0),
        (0.285, 28),
        (0.295, 30),  # in binary it is a little less than that, and would be 29
        (1.005, 100),
        (1.115, 112),
        (0.1 + 0.2, 30),
        (12.34, 1234),
        (5e-324, 0),
        (-0.0, 0),
        (1e13, 10**15),
        (9_999_999_999_999.99, 999_999_999_999_999),
        (7, 700),
        (-7, -700),
    ],
)
def test_exact(amount, minor):
    assert to_minor(amount) == minor


@pytest.mark.parametrize(("exponent", "minor"), [(0, 12), (1, 123), (2, 1234), (3, 12_345), (4, 123_450)])
def test_currencies_differ_in_their_places(exponent, minor):
    assert to_minor("12.345", exponent) == minor
    assert to_minor(12.345, exponent) == minor


@pytest.mark.parametrize(
    "amount",
    [
        *("", ".", "-", "e5", "1e", "1e99999", "0x10", "1,000.00", "1_000.00", " 1.00", "1.00 ", "1.00\n", "$1"),
        *(
            "nan",
            "inf",
            "-Infinity",
            "1.2.3",
            "1.2.34",
            "--1",
            "²",
            "\u0661.\u0660\u0660",
            "1.\u0660\u0660",
            "½",
            "1.0²",
        ),
        *("9" * 65, "1e9999", "10000000000000.01", "-10000000000000.01", "9" * 20 + ".00"),
        *(float("nan"), float("inf"), -float("inf"), 1e308, 1e14, 10**13 + 1, -(10**400)),
        *(True, False),
    ],
)
def test_refused(amount):
    with pytest.raises(ValueError, match=r"."):
        to_minor(amount)


def test_both_sides_of_the_largest_amount():
    assert to_minor("10000000000000.00") == to_minor(10**13) == to_minor(1e13) == MINOR_UNITS_MAX
    assert to_minor("10000000000000.005") == MINOR_UNITS_MAX  # half to even
    for beyond in ("10000000000000.006", "10000000000000.01"):
        with pytest.raises(ValueError, match="at most"):
            to_minor(beyond)


@pytest.mark.parametrize(("code", "places"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)])
def test_places_of_currencies(code, places):
    assert exponent_of(code) == places


def test_text_has_all_places():
    assert [from_minor(minor) for minor in (0, 5, -5, 100, -1234)] == ["0.00", "0.05", "-0.05", "1.00", "-12.34"]
