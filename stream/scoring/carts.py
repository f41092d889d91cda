"""When is a cart left behind?  Some time after it was last touched, if no order came.

The moment is known as soon as the cart is touched, so it is put on a timer; an order, or a later touch, moves
it. Only the latest moments matter, which makes the answer a function of the set of events.
"""

from __future__ import annotations

from dataclasses import dataclass

from stream.scoring.table_reader import TableReader
from stream.scoring.units import NEVER, SECOND, ceil_to_second

HOURS_MAX = 24 * 366
HOUR = 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class CartsPolicy:
    """When a cart counts as left behind."""

    left_after_hours: float
    """Hours after the last change of the cart or the start of a checkout."""

    @property
    def left_after_ms(self) -> int:
        """The same in milliseconds."""
        return round(self.left_after_hours * HOUR)


def read(reader: TableReader) -> CartsPolicy:
    """Read the section ``[carts]``."""
    policy = CartsPolicy(left_after_hours=reader.number("left_after_hours", above=0, maximum=HOURS_MAX))
    reader.done()
    return policy


def left_at(policy: CartsPolicy, touched_at: int, order_at: int) -> int:
    """Whole second at which the cart is left behind if nothing more happens; `NEVER` without an open cart.

    Parameters
    ----------
    touched_at
        Milliseconds of the latest ``cart.updated`` or ``checkout.started``; any negative number without one.
    order_at
        The same of ``order.completed``. A cancelled or refunded order closes a cart all the same: it was not left.

    Examples
    --------
    >>> policy = CartsPolicy(left_after_hours=24)
    >>> left_at(policy, 2_000, -1) == 2_000 + 24 * HOUR, left_at(policy, 2_000, 2_000) == NEVER
    (True, True)
    """
    if touched_at < 0 or order_at >= touched_at:
        return NEVER
    return ceil_to_second(touched_at + policy.left_after_ms)
