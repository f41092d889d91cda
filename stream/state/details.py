"""What a customer's orders say beyond their amounts, in the form it is kept in: one row an order.

Which rows there are follows from the ledger, see `baskets`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import DecodeError
from msgspec.msgpack import Decoder, Encoder

#: Categories that one customer's orders may name. Those that come later are left out, and counted.
NAMES_MAX: Final = 255


class Row(NamedTuple):
    """Details of one order.

    Attributes
    ----------
    at
        When the order was, ms.
    discount
        What was taken off, minor units.
    coupon
        1 where it named a coupon.
    categories
        Numbers of the categories of its items, a byte each.
    """

    at: int
    discount: int
    coupon: int
    categories: bytes


_FORM = tuple[dict[str, int], dict[int, Row]]
_encode = Encoder().encode
_decode = Decoder(_FORM).decode


class Details:
    """Details of a customer's orders.

    Attributes
    ----------
    names
        The categories there are, and the number of each: its place here.
    rows
        By the hash of the order.
    tallies
        What `baskets.tallies` worked out of the rows; None when it is to be worked out anew. Not part of the record.
    known
        In how many of the orders counted in the tallies each category is, by its number.
    reduced, off
        When those of them were from which something was taken off, ms, rising; and how much by then in all, minor
        units.
    newest
        Moment of the newest order counted in them, ms.
    """

    __slots__ = ("known", "names", "newest", "off", "reduced", "rows", "tallies")

    def __init__(self, names: dict[str, int], rows: dict[int, Row]) -> None:
        self.names = names
        self.rows = rows
        self.tallies: dict[int, int] | None = None
        self.known: dict[int, int] = {}
        self.reduced: list[int] = []
        self.off: list[int] = []
        self.newest = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Details) and (self.names, self.rows) == (other.names, other.rows)

    __hash__ = None  # type: ignore[assignment]

    def number(self, category: str) -> int | None:
        """Number of a category; None where there is no room for its name."""
        number = self.names.get(category)
        if number is None:
            number = len(self.names)
            if number == NAMES_MAX:
                return None
            self.names[category] = number
        return number

    def categories(self, row: Row) -> list[str]:
        """Names of the categories of an order."""
        names = list(self.names)
        return [names[number] for number in row.categories]

    def compacted(self) -> Details | None:
        """The same without the names that no order uses; None where there is no order."""
        if not self.rows:
            return None
        names = list(self.names)
        used = dict.fromkeys(number for row in self.rows.values() for number in row.categories)
        numbers = {old: new for new, old in enumerate(used)}
        return Details(
            {names[old]: new for old, new in numbers.items()},
            {
                order: row._replace(categories=bytes([numbers[old] for old in row.categories]))
                for order, row in self.rows.items()
            },
        )

    def to_bytes(self) -> bytes:
        """The rows as bytes.

        >>> details = Details({"tea": 0}, {7: Row(5, 10, 0, bytes([0]))})
        >>> Details.of_bytes(details.to_bytes()) == details
        True
        """
        return _encode((self.names, self.rows))

    @classmethod
    def of_bytes(cls, data: bytes) -> Details:
        """What `to_bytes` wrote.

        Raises
        ------
        ValueError
            The bytes are damaged.
        """
        try:
            names, rows = _decode(data)
        except DecodeError as error:
            raise ValueError(str(error)) from error
        n = len(names)
        if list(names.values()) != list(range(n)) or any(max(row.categories, default=-1) >= n for row in rows.values()):
            raise ValueError("categories without a name")
        return cls(names, rows)
