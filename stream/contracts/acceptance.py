"""What a parsed record must be to become an event, one function for each input.

The JSON reader has checked types, required fields and lists of values (`wire`). Here is the rest: the key,
the ids, the moment, the money, and what single types need. Each function gives the event or raises
`Refused`.

Everything is decided from the record and the limits, but for one case of `now_ms` that `Limits` explains.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from stream.contracts import wire
from stream.contracts.answers import answer_of
from stream.contracts.events import (
    CANCELLED,
    COMPLETED,
    NO_TICKET,
    REFUNDED,
    WHOLE,
    InteractionEvent,
    OrderEvent,
    PrivacyEvent,
    ProfileEvent,
)
from stream.contracts.ids import (
    ID_BYTES_MAX,
    ID_CHARS_SAFE,
    NAME_BYTES_MAX,
    NAME_CHARS_SAFE,
    hash_id,
    why_bad,
)
from stream.contracts.money import to_minor
from stream.contracts.order_details import order_details
from stream.contracts.refusals import Refused
from stream.contracts.times import (
    DAY,
    EPOCH,
    MOMENT_MAX,
    MOMENT_MIN,
    NO_YEAR,
    SECOND,
    format_time,
    from_seconds,
)

_KIND: Final = {"order.completed": COMPLETED, "order.refunded": REFUNDED, "order.cancelled": CANCELLED}

#: Tags taken of one interaction, the first ones.
TAGS_MAX: Final = 16

#: Characters taken of a text; themes are found in its beginning.
TEXT_CHARS_MAX: Final = 2_000

#: Types whose tags and text say what they are about.
_TELLING: Final = frozenset(
    (
        *("consultation.opened", "complaint.opened", "review.posted"),
        *("feedback.nps", "feedback.csat", "feedback.csi"),
    )
)


class Record(Protocol):
    """What is used of a record: attributes that aiokafka's `ConsumerRecord` has."""

    @property
    def offset(self) -> int:
        """Its place in the topic-partition."""

    @property
    def timestamp(self) -> int | None:
        """When it was written, in ms since 1970-01-01 UTC; None or -1 where nothing is said."""

    @property
    def key(self) -> bytes | None:
        """The customer id, UTF-8."""

    @property
    def value(self) -> bytes | None:
        """The event, JSON."""


class Limits(Struct, frozen=True):
    """What is accepted.

    Parameters
    ----------
    currency
        The only currency accepted (ISO 4217). Another one is refused, never guessed at.
    exponent
        Its decimal places.
    occurred_at_min
        Events that happened before this moment, in ms, are refused.
    future_tolerance
        An event may have happened at most so many ms after its own record was written. It is held against
        the record's timestamp, so that a replay next year decides as the first reading did. Where that is
        missing, or ahead of `now_ms` because the producer's clock is wild, `now_ms` takes its place; only
        such an event may be decided otherwise by a later replay.
    """

    currency: str
    exponent: int
    occurred_at_min: int
    future_tolerance: int


class _Read(Protocol):
    event_id: str
    customer_id: str
    occurred_at: datetime | int | float


def order_event(limits: Limits, record: Record, read: wire.Order, now_ms: int) -> OrderEvent:
    """An order, a refund or a cancellation.

    A refund without amount and every cancellation are of the whole order. What a cancellation says about
    amount and currency is not looked at, nor the details of either: it changes nothing.
    """
    at = _moment(limits, record, read, now_ms)
    event_id, order_id, amount, channel = read.event_id, read.order_id, read.amount, read.channel
    if not order_id.isprintable() or len(order_id) > ID_CHARS_SAFE:
        _check("order_id", order_id, ID_BYTES_MAX)
    if channel and (not channel.isprintable() or len(channel) > NAME_CHARS_SAFE):
        _check("channel", channel, NAME_BYTES_MAX)
    kind = _KIND[read.type]
    minor = WHOLE
    if amount is not None and kind != CANCELLED:
        if read.currency != limits.currency:
            raise Refused("currency", _why_currency(limits, read.currency))
        try:
            minor = to_minor(amount, limits.exponent)
        except ValueError as error:
            raise Refused("amount", str(error)) from None
        if minor < 0:
            raise Refused("amount", "is negative; what goes back to the customer is an order.refunded")
    elif kind == COMPLETED:
        raise Refused("amount", "is required for order.completed")
    return OrderEvent(
        kind,
        at,
        read.customer_id,
        xxh3_64_intdigest(order_id.encode()),  # `hash_id`, in place
        xxh3_64_intdigest(event_id.encode()),
        event_id,
        minor,
        channel or "",
        record.offset,
        order_details(read, limits.exponent) if kind == COMPLETED else None,
    )


def interaction_event(limits: Limits, record: Record, read: wire.Interaction, now_ms: int) -> InteractionEvent:
    """What a customer did or said; with the fields that its type needs."""
    at = _moment(limits, record, read, now_ms)
    kind, ticket_id, channel = read.type, read.ticket_id, read.channel
    if channel and (not channel.isprintable() or len(channel) > NAME_CHARS_SAFE):
        _check("channel", channel, NAME_BYTES_MAX)
    if ticket_id:
        _check("ticket_id", ticket_id, ID_BYTES_MAX)
    category, text = read.category or "", ""
    tags: tuple[str, ...] = ()
    if category:
        _check("category", category, NAME_BYTES_MAX)
    if kind in _TELLING:
        tags, text = _tags(read.tags), (read.text or "")[:TEXT_CHARS_MAX]
    score, values = answer_of(read)
    return InteractionEvent(
        kind,
        at,
        read.customer_id,
        hash_id(read.event_id),
        read.event_id,
        hash_id(ticket_id) if ticket_id else NO_TICKET,
        score,
        channel or "",
        record.offset,
        category,
        read.sku or "",
        read.campaign_id or "",
        values,
        tags,
        text,
    )


def profile_event(limits: Limits, record: Record, read: wire.Profile, now_ms: int) -> ProfileEvent:
    """A registration or a change of a profile."""
    at = _moment(limits, record, read, now_ms)
    if read.region:
        _check("region", read.region, NAME_BYTES_MAX)
    return ProfileEvent(
        read.type,
        at,
        read.customer_id,
        hash_id(read.event_id),
        read.event_id,
        read.kind or "",
        read.region or "",
        record.offset,
    )


def privacy_event(limits: Limits, record: Record, read: wire.Privacy, now_ms: int) -> PrivacyEvent:
    """A request of a customer about their own data."""
    at = _moment(limits, record, read, now_ms)
    return PrivacyEvent(read.type, at, read.customer_id, hash_id(read.event_id), read.event_id, record.offset)


def _moment(limits: Limits, record: Record, read: _Read, now_ms: int) -> int:
    """When it happened, in ms, once all that every record must have is there."""
    event_id, customer_id, occurred_at = read.event_id, read.customer_id, read.occurred_at
    if not event_id.isprintable() or len(event_id) > ID_CHARS_SAFE:
        _check("event_id", event_id, ID_BYTES_MAX)
    if not customer_id.isprintable() or len(customer_id) > ID_CHARS_SAFE:
        _check("customer_id", customer_id, ID_BYTES_MAX)
    if record.key != customer_id.encode():
        raise Refused("key", _why_key(record.key, customer_id))
    if isinstance(occurred_at, datetime):
        # `from_datetime`, in place: this runs for nearly every record there is.
        since = occurred_at - EPOCH
        at = since.days * DAY + since.seconds * SECOND + since.microseconds // 1_000
    else:
        try:
            at = from_seconds(occurred_at)
        except ValueError as error:
            raise Refused("occurred_at", str(error)) from None
    written = record.timestamp
    if written is None or not 0 <= written < now_ms:
        written = now_ms
    if not limits.occurred_at_min <= at <= written + limits.future_tolerance:
        raise Refused("occurred_at", _why_moment(limits, at, written))
    return at


def _check(field: str, text: str, bytes_max: int) -> None:
    reason = why_bad(text, bytes_max)
    if reason is not None:
        raise Refused(field, reason)


def _tags(tags: list[str] | None) -> tuple[str, ...]:
    """Distinct tags, the first `TAGS_MAX`."""
    if not tags:
        return ()
    for tag in tags:
        _check("tags", tag, NAME_BYTES_MAX)
    return tuple(dict.fromkeys(tag for tag in tags if tag))[:TAGS_MAX]


def _why_key(key: object, customer_id: str) -> str:
    if key is None:
        return "is missing; the key must be the customer_id, because it decides which shard reads the record"
    return f"{key!r} is not the customer_id {customer_id!r}; the key decides which shard reads the record"


def _why_currency(limits: Limits, currency: str | None) -> str:
    if not currency:
        return f"is required where there is an amount; {limits.currency} is accepted"
    return f"{currency!r} is not accepted; amounts are in {limits.currency} here"


def _why_moment(limits: Limits, at: int, written: int) -> str:
    if not MOMENT_MIN <= at <= MOMENT_MAX:
        return NO_YEAR
    if at < limits.occurred_at_min:
        return f"{format_time(at)} is before {format_time(limits.occurred_at_min)}, the earliest accepted"
    return (
        f"{format_time(at)} is too far after {format_time(written)}, when the record was written"
        " (setting future_tolerance_seconds)"
    )
