"""What a parsed record must be to become an event, one function for each input.

The JSON reader has checked types, required fields and lists of values (`wire`). Here is the rest: the key,
the ids, the moment, the money, and what single types need. Each function gives the event or raises
`Refused`.

Everything is decided from the record and the limits, but for one case of `now_ms` that `Limits` explains.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct, ValidationError, convert
from xxhash import xxh3_64_intdigest

from stream.contracts import wire
from stream.contracts.events import (
    CANCELLED,
    COMPLETED,
    NO_SCORE,
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
_NPS_MAX: Final = 10


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
    amount and currency is not looked at: it changes nothing.
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
    )


def interaction_event(limits: Limits, record: Record, read: wire.Interaction, now_ms: int) -> InteractionEvent:
    """What a customer did or said; with the fields that its type needs."""
    at = _moment(limits, record, read, now_ms)
    kind, ticket_id, channel = read.type, read.ticket_id, read.channel
    if channel and (not channel.isprintable() or len(channel) > NAME_CHARS_SAFE):
        _check("channel", channel, NAME_BYTES_MAX)
    if ticket_id:
        _check("ticket_id", ticket_id, ID_BYTES_MAX)
    need = _NEEDS.get(kind)
    score = NO_SCORE if need is None else need(read)
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


def _ticket(read: wire.Interaction) -> int:
    """Complaints are told apart by their tickets."""
    if not read.ticket_id:
        raise Refused("ticket_id", f"is required for {read.type}")
    return NO_SCORE


def _nps(read: wire.Interaction) -> int:
    """The answer to how likely one is to recommend; JSON has one kind of number, so 9.0 is 9."""
    score = read.score
    if score is None:
        raise Refused("score", f"is required for {read.type}")
    if score != int(score) or not 0 <= score <= _NPS_MAX:
        raise Refused("score", f"must be a whole number from 0 to {_NPS_MAX}, not {score}")
    return int(score)


def _csat(read: wire.Interaction) -> int:
    """A satisfaction score on a scale of the sender's own; accepted, not yet used."""
    if read.score is None:
        raise Refused("score", f"is required for {read.type}")
    return NO_SCORE


def _csi(read: wire.Interaction) -> int:
    """A satisfaction index: a score, or the dimensions it is made of; accepted, not yet used."""
    if read.score is None and not _dimensions(read):
        raise Refused("score", f"or dimensions are required for {read.type}")
    return NO_SCORE


def _dimensions(read: wire.Interaction) -> dict[str, int | float]:
    try:
        return convert(read.dimensions or {}, dict[str, int | float])
    except ValidationError:
        raise Refused("dimensions", "must be an object of numbers") from None


#: What single types need beyond what all have. A rule gives the score that is kept, or refuses.
_NEEDS: Final[dict[str, Callable[[wire.Interaction], int]]] = {
    "complaint.opened": _ticket,
    "complaint.resolved": _ticket,
    "feedback.nps": _nps,
    "feedback.csat": _csat,
    "feedback.csi": _csi,
}
