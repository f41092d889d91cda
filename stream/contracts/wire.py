"""The four kinds of record as they stand in the JSON, field by field.

Only what scoring uses today is read. Other fields, `attributes` of the interface among them, are skipped by the
parser, which costs a fraction of reading them. A field that a new score needs is added here first. `schemas`
describes the full interface.

Absent and ``null`` are the same thing. Ids have a length limit here in characters; the one in bytes, and
the rest of what an id must be, is in `ids`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from stream.contracts.ids import ID_BYTES_MAX, NAME_BYTES_MAX
from stream.contracts.times import Zoned

Id = Annotated[str, Meta(min_length=1, max_length=ID_BYTES_MAX)]
Name = Annotated[str, Meta(max_length=NAME_BYTES_MAX)]
Text = Annotated[str, Meta(max_length=ID_BYTES_MAX)]
OccurredAt = Annotated[
    Zoned | int | float,
    Meta(description="When it happened: RFC 3339 with a zone, or a number of epoch seconds."),
]
Amount = Annotated[
    str | int | float,
    Meta(description="In the base currency: a number, or decimal text where a double is not exact enough."),
]

OrderType = Literal["order.completed", "order.cancelled", "order.refunded"]
InteractionType = Literal[
    "page.viewed",
    "product.viewed",
    "cart.updated",
    "checkout.started",
    "search.performed",
    "consultation.opened",
    "complaint.opened",
    "complaint.resolved",
    "feedback.nps",
    "feedback.csat",
    "feedback.csi",
    "review.posted",
    "campaign.sent",
    "campaign.opened",
    "coupon.redeemed",
    "login",
]
ProfileType = Literal["customer.registered", "customer.updated"]
PrivacyType = Literal["customer.erase", "customer.export", "customer.restrict", "customer.unrestrict"]
CustomerKind = Literal["individual", "enterprise"]


class Item(Struct, gc=False):
    """One line of an order. Without a quantity it is one piece, of `price` each."""

    sku: Id
    category: Name | None = None
    price: Amount | None = None
    quantity: int | float | None = None


class Order(Struct, gc=False):
    """An order completed, refunded or cancelled. A refund without amount is of the whole order.

    `discount` is what was taken off the price, `coupon` names what gave the right to it, `items` what was bought.
    """

    event_id: Id
    type: OrderType
    customer_id: Id
    order_id: Id
    occurred_at: OccurredAt
    amount: Amount | None = None
    currency: str | None = None
    channel: Name | None = None
    discount: Amount | None = None
    coupon: Text | None = None
    items: list[Item] | None = None


class Interaction(Struct, gc=False):
    """What a customer did or said besides ordering. Its `dimensions` are read where the type needs them."""

    event_id: Id
    type: InteractionType
    customer_id: Id
    occurred_at: OccurredAt
    ticket_id: Id | None = None
    score: int | float | None = None
    dimensions: Any = None
    channel: Name | None = None
    sku: Text | None = None
    category: Name | None = None
    campaign_id: Text | None = None
    tags: list[Name] | None = None
    text: str | None = None


class Profile(Struct, gc=False):
    """A customer registered, or something known about them changed."""

    event_id: Id
    type: ProfileType
    customer_id: Id
    occurred_at: OccurredAt
    kind: CustomerKind | None = None
    region: Name | None = None


class Privacy(Struct, gc=False):
    """A customer's request about their own data."""

    event_id: Id
    type: PrivacyType
    customer_id: Id
    occurred_at: OccurredAt


#: What is allowed in a field that has a list of values; for the reasons of dead letters.
ALLOWED: dict[type[Struct], dict[str, tuple[str, ...]]] = {
    Order: {"type": get_args(OrderType)},
    Interaction: {"type": get_args(InteractionType)},
    Profile: {"type": get_args(ProfileType), "kind": get_args(CustomerKind)},
    Privacy: {"type": get_args(PrivacyType)},
}
