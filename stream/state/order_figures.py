"""What follows from the orders of a customer one by one, and is seldom asked: added to when it is, not summed up anew.

A ledger grows at its end; anything else has it rebuilt, and then these figures start again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

from stream.state.customer import Customer
from stream.state.ledger import NOT_COUNTED, net_of
from stream.state.tallied import Tallied


def tallied(c: Customer) -> Tallied:
    """The figures of all orders that are kept one by one."""
    found = c.tallied
    if found is None:
        found = c.tallied = Tallied()
    if found.seen < len(c.times):
        _extend(found, c)
    return found


def order_times(c: Customer) -> array[int]:
    """Times of the orders that count and are kept one by one; not to be changed."""
    return c.times if c.refunds is None else tallied(c).times


def returned(c: Customer, start: int = 0) -> int:
    """Orders with something given back, or cancelled, from a place in the ledger on."""
    if c.refunds is None:
        return 0
    places = tallied(c).returned
    return len(places) - bisect_left(places, start)


def returns(c: Customer) -> int:
    """Those in the window."""
    return returned(c, c.window_from)


def _extend(found: Tallied, c: Customer) -> None:
    """Add the entries that came since."""
    refunds = c.refunds
    if refunds is not None:
        hashes = memoryview(c.hashes)[8 * found.seen :].cast("Q")
        for place, order in enumerate(hashes, found.seen):
            taken_back = refunds.get(order)
            if taken_back is not None:
                found.returned.append(place)
            if net_of(c.gross[place], taken_back) != NOT_COUNTED:
                found.times.append(c.times[place])
    found.seen = len(c.times)
