"""JSON Schemas (2020-12) of what the topics hold, made from the structs that the program itself reads and writes.

The inputs are described in full here, the fields that scoring does not read yet included, so that who sends
events need not know which those are. What a schema cannot say (the key, the time against the clock, which
type needs which field) is in the reasons of dead letters.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.json import schema_components

from stream.contracts import decisions, wire
from stream.contracts.dead_letters import Refusal

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Item(Struct):
    """One line of an order."""

    sku: str
    category: str | None = None
    price: wire.Amount | None = None
    quantity: int | float | None = None


class Order(wire.Order):
    """An order completed, refunded or cancelled. A refund without amount is of the whole order."""

    discount: wire.Amount | None = None
    coupon: str | None = None
    items: list[Item] | None = None


class Interaction(wire.Interaction):
    """What a customer did or said besides ordering.

    A complaint has a ticket, an NPS answer a score from 0 to 10, another answer a score of its own scale.
    """

    dimensions: dict[str, int | float] | None = None
    sku: str | None = None
    category: str | None = None
    campaign_id: str | None = None


class Profile(wire.Profile):
    """A customer registered, or something known about them changed."""

    attributes: dict[str, Any] | None = None


_HELD: Final[dict[str, tuple[type[Struct], ...]]] = {
    "orders": (Order,),
    "interactions": (Interaction,),
    "profiles": (Profile,),
    "privacy": (wire.Privacy,),
    "tier-changes": (decisions.TierChange,),
    "churn-warnings": (decisions.ChurnWarning, decisions.ChurnRecovered),
    "customer-changes": (decisions.SegmentChange,),
    "customer-scores": (decisions.CustomerScores,),
    "dead-letters": (Refusal,),
}


def schemas() -> dict[str, dict[str, Any]]:
    """Schema of the values of each topic, by the topic's name without prefix.

    Each stands alone. Where a topic holds several kinds of decision, the header ``ce_type`` tells which one
    it is.

    >>> schemas()["churn-warnings"]["anyOf"]
    [{'$ref': '#/$defs/ChurnWarning'}, {'$ref': '#/$defs/ChurnRecovered'}]
    """
    made = {}
    for topic, kinds in _HELD.items():
        references, definitions = schema_components(kinds)
        one = references[0] if len(references) == 1 else {"anyOf": list(references)}
        made[topic] = {"$schema": DIALECT, "title": topic, **one, "$defs": definitions}
    return made
