"""What goes out: the payload of each decision, the message that carries it, and the ids that make it unique.

A decision leaves as one Kafka record in CloudEvents 1.0 binary mode: the JSON of one of these structs as
value, the rest in headers. Field names and their order are an interface that other programs are written
against. Money is decimal text in the base currency, moments are RFC 3339 in UTC. What is not known is left
out.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, json
from xxhash import xxh3_128_hexdigest

from stream.contracts.times import format_time

TIER_CHANGED: Final = "customer.tier.changed"
CHURN_WARNING: Final = "customer.churn.warning"
CHURN_RECOVERED: Final = "customer.churn.recovered"
#: Of earlier versions, which said segments alone; it may lie in an outbox still.
SEGMENT_CHANGED: Final = "customer.segment.changed"
CUSTOMER_CHANGED: Final = "customer.changed"
FOLLOW_UP_DUE: Final = "customer.follow_up.due"
CART_ABANDONED: Final = "customer.cart.abandoned"
ANOMALY: Final = "customer.anomaly"
SCORES: Final = "customer.scores"

Money = Annotated[str, Meta(extra_json_schema={"pattern": r"^-?\d+(\.\d+)?$"})]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Origin = Annotated[str, Meta(extra_json_schema={"enum": ["live", "timer", "seed", "recalibration"]})]
What = Annotated[
    str,
    Meta(
        extra_json_schema={
            "enum": ["segment", "abc", "lifecycle", "matrix", "need", "market_segment", "conduct"],
        }
    ),
]
Direction = Annotated[str, Meta(extra_json_schema={"enum": ["up", "down"]})]
Score = Annotated[int, Meta(ge=1, le=5)]
Probability = Annotated[float, Meta(ge=0, le=1)]


class Cause(Struct, gc=False, frozen=True):
    """What a decision is the consequence of: an event, a timer (its moment) or a calibration (its number)."""

    kind: Annotated[str, Meta(extra_json_schema={"enum": ["event", "timer", "calibration"]})]
    id: str


class Rfm(Struct, gc=False, frozen=True):
    """Recency in days, orders and net revenue within the window, and their scores from 1 to 5."""

    recency_days: float
    frequency: int
    monetary: Money
    r: Score
    f: Score
    m: Score


class Reason(Struct, gc=False, frozen=True):
    """One part of a churn score: its name, what it adds on the log-odds scale, and the figures behind it."""

    code: str
    weight: float
    detail: dict[str, float]


class TierChange(Struct, gc=False, kw_only=True, rename={"from_": "from"}):
    """A customer's value tier changed."""

    customer_id: str
    version: int
    from_: str
    to: str
    direction: Direction
    effective_at: Moment
    origin: Origin
    cause: Cause
    rfm: Rfm | UnsetType = UNSET
    segment: str | UnsetType = UNSET
    abc: str | UnsetType = UNSET
    clv: Money | UnsetType = UNSET
    calibration: int
    action: str | UnsetType = UNSET


class ChurnWarning(Struct, gc=False, kw_only=True):
    """The risk that a customer leaves rose to a level that is to be said.

    The reasons are the parts of the score. A customer whose orders were all taken back has no risk and no
    reasons.
    """

    customer_id: str
    version: int
    level: str
    from_level: str
    risk: Probability | UnsetType = UNSET
    p_alive: Probability | UnsetType = UNSET
    days_since_last_order: float | UnsetType = UNSET
    expected_gap_days: float | UnsetType = UNSET
    reasons: list[Reason] | UnsetType = UNSET
    value_at_stake: Money | UnsetType = UNSET
    effective_at: Moment
    origin: Origin
    cause: Cause
    calibration: int
    action: str | UnsetType = UNSET


class ChurnRecovered(ChurnWarning, gc=False, kw_only=True):
    """A customer who was warned about is no longer at a level that is to be said."""


class Change(Struct, gc=False, kw_only=True, rename={"from_": "from"}):
    """One class of a customer that changed; null stands for none.

    `name` tells which matrix, or which market segment: one that was entered is from null to its name, one that was left
    from its name to null.
    """

    what: What
    name: str | UnsetType = UNSET
    from_: str | None
    to: str | None


class CustomerChange(Struct, gc=False, kw_only=True):
    """What a customer is said to be changed: segment, ABC class, stage of the lifecycle, cells of matrices and others.

    All that changed at one moment is in one message.
    """

    customer_id: str
    version: int
    changes: list[Change]
    effective_at: Moment
    origin: Origin
    cause: Cause
    calibration: int


class FollowUpDue(Struct, gc=False, kw_only=True):
    """It is time to be in touch with a customer: neither an order nor a contact came for the cadence of the tier."""

    customer_id: str
    version: int
    tier: str
    lifecycle: str
    action: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    deadline: Moment | UnsetType = UNSET
    effective_at: Moment
    origin: Origin
    cause: Cause
    calibration: int


class CartAbandoned(Struct, gc=False, kw_only=True):
    """A cart, or a checkout that was begun, was left behind: no order came within the time that the policy sets."""

    customer_id: str
    version: int
    step: Annotated[str, Meta(extra_json_schema={"enum": ["cart", "checkout"]})]
    left_at: Moment
    effective_at: Moment
    origin: Origin
    cause: Cause
    calibration: int


class Anomaly(Struct, gc=False, kw_only=True):
    """A figure of a customer is far from what is usual for that customer."""

    customer_id: str
    version: int
    figure: str
    value: float
    usual_from: float
    usual_to: float
    effective_at: Moment
    origin: Origin
    cause: Cause
    calibration: int


class Churn(Struct, gc=False, kw_only=True):
    """Churn level, risk and the parts it is made of."""

    level: str
    risk: Probability | UnsetType = UNSET
    reasons: list[Reason] | UnsetType = UNSET


class Needs(Struct, gc=False, kw_only=True):
    """What a customer buys for: shares that add to 1, and the largest of them."""

    dominant: str | UnsetType = UNSET
    strength: float | UnsetType = UNSET
    shares: dict[str, float] | UnsetType = UNSET


class Satisfaction(Struct, gc=False, kw_only=True):
    """What the customer answered last: would recommend (0 to 10), satisfied (1 to 5), and the indices (0 to 100)."""

    nps: float | UnsetType = UNSET
    csat: float | UnsetType = UNSET
    csi: float | UnsetType = UNSET
    acsi: float | UnsetType = UNSET


class Profile(Struct, gc=False, kw_only=True):
    """What the customer's profile events said."""

    registered_at: Moment | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    region: str | UnsetType = UNSET


class CustomerScores(Struct, gc=False, kw_only=True):
    """All that is known of a customer at `as_of`; what is not known is absent.

    `as_of` itself is absent before the first event that is evaluated, such as an order.
    """

    customer_id: str
    as_of: Moment | UnsetType = UNSET
    version: int
    calibration: int
    tier: str | UnsetType = UNSET
    tier_since: Moment | UnsetType = UNSET
    segment: str | UnsetType = UNSET
    abc: str | UnsetType = UNSET
    lifecycle: str | UnsetType = UNSET
    value_score: float | UnsetType = UNSET
    orders: int | UnsetType = UNSET
    first_order_at: Moment | UnsetType = UNSET
    last_order_at: Moment | UnsetType = UNSET
    rfm: Rfm | UnsetType = UNSET
    clv: Money | UnsetType = UNSET
    p_alive: Probability | UnsetType = UNSET
    churn: Churn | UnsetType = UNSET
    needs: Needs | UnsetType = UNSET
    matrix: dict[str, str] | UnsetType = UNSET
    satisfaction: Satisfaction | UnsetType = UNSET
    loyalty: float | UnsetType = UNSET
    behaviour: dict[str, Any] | UnsetType = UNSET
    profile: Profile | UnsetType = UNSET
    market_segments: list[str] | UnsetType = UNSET
    next_change_at: Moment | UnsetType = UNSET
    action: str | UnsetType = UNSET


Payload = (
    TierChange | ChurnWarning | ChurnRecovered | CustomerChange | FollowUpDue | CartAbandoned | Anomaly | CustomerScores
)

#: What a message of each kind holds.
PAYLOADS: Final[dict[str, type[Payload]]] = {
    TIER_CHANGED: TierChange,
    CHURN_WARNING: ChurnWarning,
    CHURN_RECOVERED: ChurnRecovered,
    CUSTOMER_CHANGED: CustomerChange,
    FOLLOW_UP_DUE: FollowUpDue,
    CART_ABANDONED: CartAbandoned,
    ANOMALY: Anomaly,
    SCORES: CustomerScores,
}


class Message(Struct, gc=False, frozen=True):
    """One record on its way out; it waits in the outbox as part of a bundle, see `stream.contracts.bundle`.

    Parameters
    ----------
    id
        What makes it unique, and recognisable after a crash.
    topic
        Full name of the topic.
    key
        Customer id; empty where there is none.
    type
        Kind of decision, such as ``"customer.tier.changed"``.
    time
        The moment it is about, in ms.
    value
        JSON.
    """

    id: str
    topic: str
    key: str
    type: str
    time: int
    value: bytes


_payloads: Final = json.Encoder()


def encode_payload(payload: Payload) -> bytes:
    """The JSON of a decision: the fields in the order of the interface, unknown ones left out.

    >>> encode_payload(CustomerScores(customer_id="c-1", version=1, calibration=1, tier="none"))
    b'{"customer_id":"c-1","version":1,"calibration":1,"tier":"none"}'
    """
    return _payloads.encode(payload)


def decision_id(customer: str, kind: str, cause_kind: str, cause_id: str) -> str:
    """Id of a decision, as 32 hex digits: the same cause gives the same id however often it is worked out.

    XXH3-128 of the parts joined by NUL, which no id may contain.

    >>> decision_id("c-1", TIER_CHANGED, "event", "e-1")
    '2c17815c9fcbb76e8cf348e9388db64b'
    """
    return xxh3_128_hexdigest(f"{customer}\0{kind}\0{cause_kind}\0{cause_id}".encode())


def cloudevent_headers(message: Message, source: str) -> list[tuple[str, bytes]]:
    """Kafka headers of a message, CloudEvents 1.0 in binary mode.

    Parameters
    ----------
    message
        What is sent.
    source
        Who sends it, a URI reference: the same for all shards of one scorer.

    Examples
    --------
    >>> message = Message("1f", "tier-changes", "c-1", TIER_CHANGED, 1483271606000, b"{}")
    >>> dict(cloudevent_headers(message, "/scorer"))["ce_time"]
    b'2017-01-01T11:53:26Z'
    """
    kind, sender = _fixed(message.type, source)
    headers = [
        _SPEC_VERSION,
        ("ce_id", message.id.encode()),
        kind,
        sender,
        ("ce_time", format_time(message.time).encode()),
        _CONTENT_TYPE,
    ]
    if message.key:
        headers.append(("ce_subject", message.key.encode()))
    return headers


_SPEC_VERSION: Final = ("ce_specversion", b"1.0")
_CONTENT_TYPE: Final = ("content-type", b"application/json")


@cache
def _fixed(kind: str, source: str) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    return ("ce_type", kind.encode()), ("ce_source", source.encode())
