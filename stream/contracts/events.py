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


class OrderEvent(Struct, gc=False):
    """An order was completed, refunded (in part or whole) or cancelled."""

    kind: int
    at: int
    customer: str
    order: int
    event: int
    event_id: str
    amount: int
    channel: str
    offset: int


class InteractionEvent(Struct, gc=False):
    """A customer did or said something. `score` is the answer of a `feedback.nps`; other types have none."""

    type: str
    at: int
    customer: str
    event: int
    event_id: str
    ticket: int
    score: int
    channel: str
    offset: int


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
