"""The order ledger: what was bought, refunded and cancelled, whatever the order in which we heard of it.

Window sums, refunds by order id, cancellations and late orders all follow from the ledger exactly, because it is a
function of the *set* of events: known ids merge by rules that do not depend on which came first. An order that comes
after all others of its customer (nearly every one) is added to the sums, and what leaves the window is taken off
them; anything else changes the columns and has the sums rebuilt from them. So a customer of any number of orders
costs no more than another, as long as they come in order. A law in ``tests/property`` holds both ways equal.

A refund is kept under its order's hash by its own event's hash, so it may come before its order and be heard twice.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum

from stream.state.customer import NEVER, Customer

#: Amount of a refund that takes back the whole order.
WHOLE = -1
#: Amount that marks a cancellation; kept under event hash 0, so a second one is a duplicate.
CANCELLED = -2
#: What `net_at` gives for an order that does not count.
NOT_COUNTED = -1

DAY = 86_400_000


class Added(IntEnum):
    """What became of an event that was offered to the ledger."""

    NEW = 0
    CHANGED = 1
    DUPLICATE = 2
    TOO_OLD = 3
    TOO_MANY = 4


def net_of(gross: int, refunds: dict[int, int] | None) -> int:
    """Net amount of an order after its refunds, or `NOT_COUNTED`.

    Examples
    --------
    >>> net_of(1000, None), net_of(1000, {7: 250}), net_of(1000, {7: 250, 8: 800}), net_of(0, None)
    (1000, 750, -1, 0)
    >>> net_of(1000, {7: WHOLE}), net_of(1000, {0: CANCELLED})
    (-1, -1)
    """
    if refunds is None:
        return gross
    taken = 0
    for amount in refunds.values():
        if amount < 0:
            return NOT_COUNTED
        taken += amount
    if taken >= gross > 0:
        return NOT_COUNTED
    return max(0, gross - taken)


def net_at(c: Customer, index: int) -> int:
    """Net amount of the ledger's entry `index`, or `NOT_COUNTED`."""
    if c.refunds is None:
        return c.gross[index]
    order = int.from_bytes(c.hashes[8 * index : 8 * index + 8], "little")
    return net_of(c.gross[index], c.refunds.get(order))


def find(c: Customer, key: bytes) -> int:
    """Index of the order whose hash bytes are `key`, or -1."""
    place = c.hashes.find(key)
    while place >= 0 and place & 7:
        place = c.hashes.find(key, place + 1)
    return place >> 3 if place >= 0 else -1


def rebuild(c: Customer, window: int) -> None:
    """Recompute every sum from the columns, at the customer's `as_of`. `window` in ms."""
    c.tallied = None
    if c.details is not None:
        c.details.tallies = c.need_sums = None
    start = c.as_of - window
    c.window_from = bisect_right(c.times, start)
    if c.refunds is None and c.folded is None:
        c.n = len(c.times)
        if c.n:
            c.first_at, c.last_at = c.times[0], c.times[-1]
        c.frequency = c.n - c.window_from
        c.monetary = sum(c.gross[c.window_from :])
        return
    n = frequency = monetary = first = last = 0
    for first_at, last_at, count, net in c.folded or ():
        if not count:
            continue
        first = first if n else first_at
        last = last_at
        n += count
        if last_at > start:
            frequency += count
            monetary += net
    for index, at in enumerate(c.times):
        net = net_at(c, index)
        if net == NOT_COUNTED:
            continue
        first = first if n else at
        last = at
        n += 1
        if index >= c.window_from:
            frequency += 1
            monetary += net
    c.n, c.first_at, c.last_at, c.frequency, c.monetary = n, first, last, frequency, monetary


def advance(c: Customer, as_of: int, window: int) -> None:
    """Move the window to `as_of`, which is not before the customer's own: orders at or before its start leave."""
    start = as_of - window
    if c.folded is not None:
        for _, _, count, net in c.folded[left_before(c.folded, c.as_of - window) : left_before(c.folded, start)]:
            c.frequency -= count
            c.monetary -= net
    c.as_of = as_of
    times, index, end = c.times, c.window_from, len(c.times)
    while index < end and times[index] <= start:
        net = net_at(c, index)
        if net != NOT_COUNTED:
            c.frequency -= 1
            c.monetary -= net
        index += 1
    c.window_from = index


def leaving(c: Customer, as_of: int, window: int) -> int:
    """When the oldest order that counts leaves the window, which stands at `as_of`, ms; `NEVER` where there is none."""
    oldest = c.window_from
    if c.refunds is not None:
        while oldest < len(c.times) and net_at(c, oldest) == NOT_COUNTED:
            oldest += 1
    leaves = c.times[oldest] + window if oldest < len(c.times) else NEVER
    if c.folded is not None:
        # Of no order is at most the last of the sums.
        index = left_before(c.folded, as_of - window)
        if index < len(c.folded) and c.folded[index][2]:
            return min(leaves, c.folded[index][1] + window)
    return leaves


def left_before(folded: list[tuple[int, int, int, int]], start: int) -> int:
    """How many of the folded sums are out of a window that starts (exclusively) at `start`.

    >>> left_before([(1, 4, 2, 100), (5, 5, 1, 50)], 4)
    1
    """
    return bisect_right(folded, start, key=_last_of)


def _last_of(folded: tuple[int, int, int, int]) -> int:
    return folded[1]


def add_order(c: Customer, at: int, order: int, gross: int, window: int, orders_max: int) -> Added:
    """A completed order, in whatever order it comes. Does not evaluate; sums are at the customer's `as_of`.

    Parameters
    ----------
    at
        Time of the order, ms.
    order
        64-bit hash of the order id.
    gross
        Amount, minor units.
    window
        Length of the window, ms.
    orders_max
        Entries the ledger may hold; beyond it the oldest quarter is folded.

    Returns
    -------
    NEW, CHANGED (a known order moved to a smaller ``(at, gross)``), DUPLICATE, or TOO_OLD: at or before the part
    that was folded, where nobody knows any more whether it is a duplicate.
    """
    key = order.to_bytes(8, "little")
    index = find(c, key)
    if index >= 0:
        if (at, gross) >= (c.times[index], c.gross[index]):
            return Added.DUPLICATE
        if c.folded is not None and at <= c.folded[-1][1]:
            return Added.TOO_OLD
        _remove(c, index)
        _insert(c, at, key, gross)
        rebuild(c, window)
        return Added.CHANGED
    if c.folded is not None and at <= c.folded[-1][1]:
        return Added.TOO_OLD
    if c.times and at > c.times[-1] and at > c.as_of - window and len(c.times) < orders_max:
        _append(c, at, key, gross)
        return Added.NEW
    _insert(c, at, key, gross)
    if len(c.times) > orders_max:
        fold(c, len(c.times) // 4, window)
    rebuild(c, window)
    return Added.NEW


def add_refund(c: Customer, order: int, event: int, amount: int, window: int, refunds_max: int) -> Added:
    """A refund (`amount`, or `WHOLE`) or a cancellation (`CANCELLED`) of an order, known already or not yet.

    Returns
    -------
    NEW, DUPLICATE (that event was heard before), or TOO_MANY: `refunds_max` orders of this customer have refunds.
    """
    key = 0 if amount == CANCELLED else event
    if c.refunds is None:
        c.refunds = {}
    known = c.refunds.get(order)
    if known is None:
        if len(c.refunds) >= refunds_max:
            return Added.TOO_MANY
        c.refunds[order] = {key: amount}
    elif key in known:
        return Added.DUPLICATE
    elif len(known) >= refunds_max:
        return Added.TOO_MANY
    else:
        known[key] = amount
    rebuild(c, window)
    return Added.NEW


def net_of_order(c: Customer, order: int) -> int:
    """Net amount of the order with that hash as it stands; 0 while the order is unknown or does not count."""
    index = find(c, order.to_bytes(8, "little"))
    return max(0, net_at(c, index)) if index >= 0 else 0


def fold(c: Customer, count: int, window: int) -> None:
    """Fold the `count` oldest entries into sums by UTC day; days wholly before the window into one lifetime sum.

    The last sum also says how far folding went. Where the newest folded order does not count, it is a sum of no order.
    """
    sums = [day for day in c.folded or () if day[2]]
    for index in range(count):
        net = net_at(c, index)
        order = int.from_bytes(c.hashes[8 * index : 8 * index + 8], "little")
        if c.refunds is not None:
            c.refunds.pop(order, None)
        if c.details is not None:
            c.details.rows.pop(order, None)
        if net == NOT_COUNTED:
            continue
        at = c.times[index]
        # The lifetime sum is no day: with an order of its last day added, all of it would be back in the window.
        if sums and sums[-1][0] // DAY == sums[-1][1] // DAY == at // DAY:
            first_at, _, n, total = sums[-1]
            sums[-1] = (first_at, at, n + 1, total + net)
        else:
            sums.append((at, at, 1, net))
    start = c.as_of - window
    while len(sums) > 1 and sums[1][1] <= start:
        (first_at, _, n, total), (_, last_at, more, net) = sums[0], sums[1]
        sums[:2] = [(first_at, last_at, n + more, total + net)]
    newest = c.times[count - 1]
    if not sums or sums[-1][1] < newest:
        sums.append((newest, newest, 0, 0))
    c.folded = sums
    del c.times[:count], c.gross[:count], c.hashes[: 8 * count]
    if not c.refunds:
        c.refunds = None
    if c.details is not None:
        c.details = c.details.compacted()


def _append(c: Customer, at: int, key: bytes, gross: int) -> None:
    """Add an order that is later than all others, and in the window."""
    c.times.append(at)
    c.gross.append(gross)
    c.hashes += key
    net = net_at(c, len(c.times) - 1)
    if net == NOT_COUNTED:
        return
    if not c.n:
        c.first_at = at
    c.last_at = at
    c.n += 1
    c.frequency += 1
    c.monetary += net


def _insert(c: Customer, at: int, key: bytes, gross: int) -> None:
    index = bisect_right(c.times, at)
    while index and c.times[index - 1] == at and c.hashes[8 * index - 8 : 8 * index] > key:
        index -= 1
    c.times.insert(index, at)
    c.gross.insert(index, gross)
    c.hashes[8 * index : 8 * index] = key


def _remove(c: Customer, index: int) -> None:
    del c.times[index], c.gross[index], c.hashes[8 * index : 8 * index + 8]
