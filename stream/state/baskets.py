"""What orders say beyond their amounts, as it follows the ledger.

An order has the details of the version of it that the ledger keeps, the one with the smallest time and amount; of two
such versions those of the greater details. They go when the order is folded, and do not count while it is cancelled or
wholly refunded. So they are a pure function of the set of events, as the ledger is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from stream.contracts.events import OrderDetails
from stream.scoring.needs import DISCOUNTED, NEW_CATEGORY, REPEAT_CATEGORY
from stream.scoring.periods import key_of, period_of
from stream.state import ledger
from stream.state.customer import Customer
from stream.state.details import Details, Row
from stream.state.ledger import NOT_COUNTED, Added


def follow(c: Customer, order: int, at: int, gross: int, said: OrderDetails | None, added: Added) -> int:
    """Let the details follow what the ledger made of a completed order.

    Parameters
    ----------
    order
        Hash of its id.
    at, gross
        When it was, ms; its amount, minor units.
    said
        What it says; None of a plain order.
    added
        What the ledger made of it.

    Returns
    -------
    Categories left out, because the order or the customer has too many.
    """
    if said is None and c.details is None:
        return 0
    key = order.to_bytes(8, "little")
    index = len(c.times) - 1 if c.hashes.endswith(key) else ledger.find(c, key)
    if index < 0 or (at, gross) != (c.times[index], c.gross[index]):
        return 0
    details = c.details or Details({}, {})
    known = details.rows.get(order)
    if said is None:
        if added is not Added.DUPLICATE and known is not None:
            del details.rows[order]
            c.details = details if details.rows else None
        return 0
    if added is Added.DUPLICATE and known is not None and _rank_of(details, known) >= _rank(said):
        return 0
    numbers = [details.number(name) for name in said.categories]
    categories = bytes([number for number in numbers if number is not None])
    row = Row(at, said.discount, int(said.coupon), categories)
    details.rows[order] = row
    c.details = details
    if added is Added.NEW and c.refunds is None and details.tallies is not None and at >= details.newest:
        _tally(details, row, c)
    else:
        details.tallies = c.need_sums = None
    return said.left_out + len(numbers) - len(categories)


def counted(c: Customer) -> Iterator[Row]:
    """Details of the orders that count."""
    details, refunds = c.details, c.refunds
    if details is None:
        return
    if refunds is None:
        yield from details.rows.values()
        return
    for order, row in details.rows.items():
        if order in refunds and ledger.net_at(c, ledger.find(c, order.to_bytes(8, "little"))) == NOT_COUNTED:
            continue
        yield row


def tallies(c: Customer) -> dict[int, int]:
    """First orders of a category, further ones of it, and orders bought cheaper, as `needs.tally` counts them.

    Of orders of one category at one moment either may be the first: they are of one period.
    """
    details = c.details
    if details is None:
        return {}
    if details.tallies is None:
        details.tallies, details.known, details.reduced, details.off = {}, {}, [], []
        for row in sorted(counted(c)):
            _tally(details, row, None)
    assert details.tallies is not None
    return details.tallies


def discount_since(c: Customer, start: int) -> int:
    """What was taken off orders that count and are later than a moment, ms; in minor units."""
    details = c.details
    if details is None:
        return 0
    tallies(c)
    if not details.off:
        return 0
    gone = bisect_right(details.reduced, start)
    return details.off[-1] - (details.off[gone - 1] if gone else 0)


def orders_by_category(c: Customer) -> dict[str, int]:
    """How many of the orders that count have items of each category."""
    details = c.details
    if details is None:
        return {}
    tallies(c)
    known = details.known
    return {name: known[number] for name, number in details.names.items() if number in known}


def _tally(details: Details, row: Row, c: Customer | None) -> None:
    """Count an order that is not earlier than those counted so far, also in the needs of `c`."""
    found = details.tallies
    assert found is not None
    at, discount, coupon, categories = row
    period, known, fresh = period_of(at), details.known, 0
    for number in categories:
        times = known.get(number, 0)
        known[number] = times + 1
        fresh += not times
    for code, count in (
        (NEW_CATEGORY, fresh),
        (REPEAT_CATEGORY, len(categories) - fresh),
        (DISCOUNTED, 1 if discount or coupon else 0),
    ):
        if count:
            key = key_of(period, code)
            found[key] = found.get(key, 0) + count
            if c is not None and c.need_sums is not None:
                c.need_sums.add(period, code, count)
    if discount:
        off = details.off
        details.reduced.append(at)
        off.append(off[-1] + discount if off else discount)
    details.newest = at


def _rank_of(details: Details, row: Row) -> tuple[int, int, list[str]]:
    return row.discount, row.coupon, sorted(details.categories(row))


def _rank(said: OrderDetails) -> tuple[int, int, list[str]]:
    return said.discount, int(said.coupon), sorted(said.categories)
