"""What decoding gives: events with their times, amounts and ids in the forms that scoring computes with.

Plain structs without garbage-collector tracking: one is made for every record read. Moments are ms since
1970-01-01 UTC, money is minor units of the base currency, `event`, `order` and `ticket` are XXH3-64 hashes
(see `ids.hash_id`), `offset` is the record's place in its topic-partition. Absent text is ``""``.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

#: Kinds of `OrderEvent`.
COMPLETED: Final = 0
REFUNDED: Final = 1
CANCELLED: Final = 2

#: `OrderEvent.amount` of a refund or cancellation that is about the whole order, whatever that was worth.
WHOLE: Final = -1

#: `InteractionEvent.ticket` and `.score` where there is none.
NO_TICKET: Final = 0
NO_SCORE: Final = -1


class OrderDetails(Struct, gc=False, frozen=True):
    """What a completed order says beyond its amount.

    Attributes
    ----------
    discount
        What was taken off the price, minor units.
    coupon
        Whether it names a coupon.
    categories
        Distinct categories of its items in the order of the items, at most `acceptance.CATEGORIES_MAX`.
    spent
        What the items of each cost, minor units; 0 where no price is given.
    items
        Lines there are.
    left_out
        Categories beyond the limit.
    """

    discount: int = 0
    coupon: bool = False
    categories: tuple[str, ...] = ()
    spent: tuple[int, ...] = ()
    items: int = 0
    left_out: int = 0


class OrderEvent(Struct, gc=False):
    """An order was completed, refunded (in part or whole) or cancelled. Most have no `details`."""

    kind: int
    at: int
    customer: str
    order: int
    event: int
    event_id: str
    amount: int
    channel: str
    offset: int
    details: OrderDetails | None = None


class InteractionEvent(Struct, gc=False):
    """A customer did or said something.

    Attributes
    ----------
    score
        The answer of a `feedback.nps` (0 to 10) or a `feedback.csat` (1 to 5), the index of a `feedback.csi` that
        gives no dimensions (0 to 100); else `NO_SCORE`.
    values
        Scores from 1 to 10 by dimension, sorted; of a `feedback.csi` only.
    tags, text
        What it is about; of what can have a theme only. The text is cut at `acceptance.TEXT_CHARS_MAX`.
    """

    type: str
    at: int
    customer: str
    event: int
    event_id: str
    ticket: int
    score: int
    channel: str
    offset: int
    category: str = ""
    sku: str = ""
    campaign: str = ""
    values: tuple[tuple[str, float], ...] = ()
    tags: tuple[str, ...] = ()
    text: str = ""


class ProfileEvent(Struct, gc=False):
    """A customer registered, or what is known about them changed."""

    type: str
    at: int
    customer: str
    event: int
    event_id: str
    kind: str
    region: str
    offset: int


class PrivacyEvent(Struct, gc=False):
    """A customer asked to be erased, exported, restricted or unrestricted."""

    type: str
    at: int
    customer: str
    event: int
    event_id: str
    offset: int


class DeadLetter(Struct, gc=False):
    """A record that was refused: where it is, which field is at fault and why, and its bytes as they came.

    `field` is the name of a field of the event, ``"key"`` for the record's key, or ``"value"`` where no
    single field is to blame.
    """

    topic: str
    partition: int
    offset: int
    field: str
    reason: str
    key: bytes | None
    value: bytes | None


Event = OrderEvent | InteractionEvent | ProfileEvent | PrivacyEvent
