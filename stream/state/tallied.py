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
    periods, period
        Periods since the first order that counts with one in them, and number of the last of them.
    regular, regular_of
        Regularity, and of how many orders.
    """

    __slots__ = ("period", "periods", "regular", "regular_of", "returned", "seen", "times")

    def __init__(self) -> None:
        self.seen = 0
        self.times: array[int] = array("q")
        self.returned: list[int] = []
        self.periods = 0
        self.period = -1
        self.regular = 0.0
        self.regular_of = 0
