"""What a completed order says beyond its amount: discount, coupon, and the categories of its items.

An order says none of it as a rule and is read by native code then; this runs for the others.
"""

from __future__ import annotations

from fractions import Fraction
from sys import intern
from typing import Final

from stream.contracts.events import OrderDetails
from stream.contracts.ids import ID_BYTES_MAX, NAME_BYTES_MAX, why_bad
from stream.contracts.money import MINOR_UNITS_MAX, to_minor
from stream.contracts.refusals import Refused
from stream.contracts.wire import Item, Order

#: Distinct categories kept of one order, those of its first items; the others are counted only.
CATEGORIES_MAX: Final = 16


def order_details(read: Order, exponent: int) -> OrderDetails | None:
    """The details of an order; None where it says nothing of the kind.

    Parameters
    ----------
    read
        The order as parsed.
    exponent
        Decimal places of the currency.

    Raises
    ------
    Refused
        A discount or a price is no amount or negative, a quantity is negative, a name holds control characters.

    Examples
    --------
    >>> from stream.contracts.times import parse_time
    >>> items = [Item("s-1", "tea", "2.50", 2), Item("s-2", "milk", 1), Item("s-3", "tea")]
    >>> order = Order("e", "order.completed", "c", "o", 0, "6.00", "EUR", discount=0.5, items=items)
    >>> order_details(order, 2)
    OrderDetails(discount=50, coupon=False, categories=('tea', 'milk'), spent=(500, 100), items=3, left_out=0)
    >>> order_details(Order("e", "order.completed", "c", "o", 0, "6.00", "EUR", coupon="", items=[]), 2) is None
    True
    """
    discount, coupon, items = read.discount, read.coupon, read.items
    if discount is None and not coupon and not items:
        return None
    off = 0 if discount is None else _amount("discount", "", discount, exponent)
    if coupon:
        _check("coupon", "", coupon, ID_BYTES_MAX)
    spent: dict[str, int] = {}
    left_out: set[str] = set()
    for number, item in enumerate(items or ()):
        cost = _cost(number, item, exponent)
        name = item.category
        if not name:
            continue
        if name not in spent:
            _check("items", f"category of item {number} ", name, NAME_BYTES_MAX)
            if len(spent) == CATEGORIES_MAX:
                left_out.add(name)
                continue
            spent[intern(name)] = cost
        else:
            spent[name] += cost
    return OrderDetails(off, bool(coupon), tuple(spent), tuple(spent.values()), len(items or ()), len(left_out))


def _cost(number: int, item: Item, exponent: int) -> int:
    """What a line comes to, minor units; 0 where no price is given."""
    quantity = 1 if item.quantity is None else item.quantity
    if not 0 <= quantity <= MINOR_UNITS_MAX:
        raise Refused("items", f"quantity of item {number} must be from 0 to {MINOR_UNITS_MAX}, not {quantity}")
    if item.price is None:
        return 0
    # 0.7 of 45 cents are 31.5, and a little less in binary.
    pieces = Fraction(repr(quantity)) if isinstance(quantity, float) else quantity
    cost = round(_amount("items", f"price of item {number} ", item.price, exponent) * pieces)
    if cost > MINOR_UNITS_MAX:
        raise Refused("items", f"item {number} comes to more than {MINOR_UNITS_MAX} minor units")
    return cost


def _amount(field: str, which: str, amount: str | float, exponent: int) -> int:
    try:
        minor = to_minor(amount, exponent)
    except ValueError as error:
        raise Refused(field, f"{which}{error}") from None
    if minor < 0:
        raise Refused(field, f"{which}is negative")
    return minor


def _check(field: str, which: str, text: str, bytes_max: int) -> None:
    reason = why_bad(text, bytes_max)
    if reason is not None:
        raise Refused(field, f"{which}{reason}")
