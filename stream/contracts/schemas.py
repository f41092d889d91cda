"""JSON Schemas (2020-12) of what the topics hold, made from the structs that the program itself reads and writes.

The inputs are described in full here, the fields that scoring does not read included, so that who sends events
need not know which those are. What a schema cannot say (the key, the time against the clock, which
type needs which field) is in the reasons of dead letters.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.json import schema_components

from stream.contracts import decisions, wire
from stream.contracts.dead_letters import Refusal

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Interaction(wire.Interaction):
    """What a customer did or said besides ordering.

    A complaint has a ticket; `feedback.nps` a score from 0 to 10, `feedback.csat` one from 1 to 5, `feedback.csi`
    dimensions with scores from 1 to 10, or else a score from 0 to 100. `tags` and `text` say what a complaint, a
    consultation, a review or an answer is about.
    """

    dimensions: dict[str, int | float] | None = None


class Profile(wire.Profile):
    """A customer registered, or something known about them changed."""

    attributes: dict[str, Any] | None = None


_HELD: Final[dict[str, tuple[type[Struct], ...]]] = {
    "orders": (wire.Order,),
    "interactions": (Interaction,),
    "profiles": (Profile,),
    "privacy": (wire.Privacy,),
    "tier-changes": (decisions.TierChange,),
    "churn-warnings": (decisions.ChurnWarning, decisions.ChurnRecovered),
    "customer-changes": (decisions.CustomerChange, decisions.CartAbandoned, decisions.Anomaly),
    "follow-ups": (decisions.FollowUpDue,),
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
