"""What was worked out of a customer's orders so far, see `order_figures`."""

from __future__ import annotations

from array import array


class Tallied:
    """Figures of the first so many entries of a ledger. Not part of the record.

    Attributes
    ----------
    seen
        Entries that they are of.
    times
        Times of the orders that count; empty while nothing was taken back, when all count.
    returned
        Places of the orders with something given back, or cancelled.
    """

    __slots__ = ("returned", "seen", "times")

    def __init__(self) -> None:
        self.seen = 0
        self.times: array[int] = array("q")
        self.returned: list[int] = []
