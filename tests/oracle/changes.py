"""What is said of the classes that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.oracle.customer import Customer

Move = dict[str, str | None]


def moves_of(was: Customer, customer: Customer) -> list[Move]:
    """What `customer.changed` tells of, in its order."""
    moves: list[Move] = [
        {"what": what, "from": old, "to": new}
        for what, old, new in (
            ("segment", was.segment, customer.segment),
            ("abc", none(was.abc), none(customer.abc)),
            ("lifecycle", was.lifecycle, customer.lifecycle),
        )
        if old != new
    ]
    moves += [
        {"what": "matrix", "name": name, "from": was.cells.get(name), "to": cell}
        for name, cell in customer.cells.items()
        if cell != was.cells.get(name)
    ]
    if customer.need != was.need:
        moves.append({"what": "need", "from": none(was.need), "to": none(customer.need)})
    before, after = was.market_segments, customer.market_segments
    moves += [{"what": "market_segment", "name": it, "from": it, "to": None} for it in before if it not in after]
    moves += [{"what": "market_segment", "name": it, "from": None, "to": it} for it in after if it not in before]
    if customer.conduct != was.conduct:
        moves.append({"what": "conduct", "from": none(was.conduct), "to": none(customer.conduct)})
    return moves


def none(name: str) -> str | None:
    """The name, and nothing for ``none``."""
    return None if name == "none" else name
