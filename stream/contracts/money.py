"""Money as integer minor units (cents) of the base currency, and the decimal text it has outside.

Sums of integers are the same in any order, which is what makes a replayed or shuffled log end in the same
cents. A JSON number is taken as the shortest decimal that names it (0.285 is "0.285"), never as the binary
fraction behind it; a sender that needs more digits than a double holds writes text.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

#: No amount is larger than this many minor units. Up to here a double names every cent exactly.
MINOR_UNITS_MAX: Final = 10**15

#: No amount is written with more characters than this.
AMOUNT_CHARS_MAX: Final = 64

#: Decimal places of the ISO 4217 currencies that do not have two.
EXPONENTS: Final = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
            *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
# Wide enough for every text let through: nothing is rounded but the last step, which says how.
_EXACT: Final = Context(prec=2 * AMOUNT_CHARS_MAX, rounding=ROUND_HALF_EVEN)
_ONE: Final = Decimal(1)
_CENTS_EXPONENT: Final = 2
# A cent text of so many digits is below the largest amount whatever the digits are.
_CENTS_DIGITS_MAX: Final = 15


def exponent_of(currency: str) -> int:
    """Decimal places of a currency (ISO 4217), 2 for those not listed.

    >>> exponent_of("USD"), exponent_of("JPY"), exponent_of("KWD")
    (2, 0, 3)
    """
    return EXPONENTS.get(currency, 2)


def to_minor(amount: str | float, exponent: int = 2) -> int:
    """Minor units of an amount; exact, and half to even where it has more digits than the currency.

    Parameters
    ----------
    amount
        Decimal text such as ``"12.34"``, or a number. A sign and an exponent are allowed, blanks and
        separators are not.
    exponent
        Decimal places of the currency, 0 to 4.

    Raises
    ------
    ValueError
        Not a decimal number, not finite, or more than `MINOR_UNITS_MAX`.

    Examples
    --------
    >>> to_minor("12.34"), to_minor(0.285), to_minor("0.295"), to_minor(7), to_minor("-3.5")
    (1234, 28, 30, 700, -350)
    """
    if isinstance(amount, str):
        # Nearly every amount there is: digits, a point, two digits.
        if exponent == _CENTS_EXPONENT and amount[-3:-2] == ".":
            digits = amount.replace(".", "", 1)
            if digits.isdigit() and digits.isascii() and len(digits) <= _CENTS_DIGITS_MAX:
                return int(digits)
        return _from_text(amount, exponent)
    if isinstance(amount, bool):
        raise ValueError("true and false are no amounts")  # noqa: TRY004  callers catch one kind of error
    scale: int = 10**exponent
    # Written so that nan, which compares to nothing, is refused as well.
    if not -MINOR_UNITS_MAX <= amount * scale <= MINOR_UNITS_MAX:
        raise ValueError(f"must be a finite number of at most {MINOR_UNITS_MAX} minor units")
    if isinstance(amount, int):
        return amount * scale
    nearest = round(amount * scale)
    # No two decimals of up to 15 digits share a double, so what is equal here is equal in decimal.
    return nearest if nearest / scale == amount else _from_text(repr(amount), exponent)


def from_minor(minor: int, exponent: int = 2) -> str:
    """Decimal text of an amount in minor units, with all the places of the currency.

    >>> from_minor(1234), from_minor(-5), from_minor(7, 0), from_minor(7, 3)
    ('12.34', '-0.05', '7', '0.007')
    """
    if exponent == 0:
        return str(minor)
    digits = str(minor)
    if minor >= 0 and len(digits) > exponent:
        return f"{digits[:-exponent]}.{digits[-exponent:]}"
    digits = str(abs(minor)).zfill(exponent + 1)
    return f"{'-' if minor < 0 else ''}{digits[:-exponent]}.{digits[-exponent:]}"


def _from_text(text: str, exponent: int) -> int:
    if len(text) > AMOUNT_CHARS_MAX:
        raise ValueError(f"has more than {AMOUNT_CHARS_MAX} characters")
    if not _NUMBER.fullmatch(text):
        raise ValueError("must be a decimal number such as 12.34")
    value = Decimal(text)
    # Before anything is computed: 1e9999 as an integer would be ten thousand digits of work.
    if value and value.adjusted() > len(str(MINOR_UNITS_MAX)):
        raise ValueError(f"must be at most {MINOR_UNITS_MAX} minor units")
    minor = int(_EXACT.quantize(_EXACT.scaleb(value, exponent), _ONE))
    if abs(minor) > MINOR_UNITS_MAX:
        raise ValueError(f"must be at most {MINOR_UNITS_MAX} minor units")
    return minor
