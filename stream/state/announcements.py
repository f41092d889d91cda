"""From a changed classification to the messages that say so.

One evaluation can change tier, level and segment; each becomes a decision of its own topic, with a version that
rises by one per customer and topic and an id that depends on nothing but customer, kind and cause. So the same
cause never makes two different decisions, however often it is replayed.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from stream.contracts.decisions import (
    CHURN_RECOVERED,
    CHURN_WARNING,
    PAYLOADS,
    SCORES,
    SEGMENT_CHANGED,
    TIER_CHANGED,
    Message,
    decision_id,
)
from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.contracts.topics import Topics
from stream.scoring.policy import LEVELS
from stream.scoring.units import DAY
from stream.state.customer import TIER_NAMES, TIER_NONE, Customer
from stream.state.evaluation import Assessment
from stream.state.model import Model
from stream.state.view import churn, describe, rfm

_encode = msgspec.json.Encoder().encode
#: Fields of each kind in the order of the interface.
_FIELDS: Final = {kind: payload.__struct_encode_fields__ for kind, payload in PAYLOADS.items()}


class Cause(NamedTuple):
    """What led to a decision: an event (its id), a timer (its moment, RFC 3339), or a calibration (its name)."""

    kind: str
    id: str


class _Said(NamedTuple):
    """What was said before: ranks of tier and churn level, name of the segment."""

    tier: int
    segment: str
    level: int


class Announcer:
    """Builds outgoing messages.

    Parameters
    ----------
    topics
        Names of the output topics.
    exponent
        Digits of the base currency's minor unit.
    """

    def __init__(self, topics: Topics, exponent: int = 2) -> None:
        self.topics = topics
        self._exponent = exponent

    def announce(self, c: Customer, became: Assessment, cause: Cause, origin: str, model: Model) -> list[Message]:
        """Say what changed, and note on the record that it was said.

        Parameters
        ----------
        c
            The customer, moved to the moment at which the change is true.
        became
            What is true there; what was said is on the record and is replaced by it.
        origin
            live, timer, seed or recalibration.
        """
        was = _Said(c.tier, c.segment, c.level)
        c.tier, c.segment, c.level, c.due = became
        c.version += 1
        if became.tier != was.tier:
            c.tier_since = c.as_of
        common = {
            "effective_at": format_time(c.as_of),
            "origin": origin,
            "cause": {"kind": cause.kind, "id": cause.id},
            "calibration": model.number,
        }
        messages = []
        if became.tier != was.tier:
            c.tier_version += 1
            messages.append(self._tier_change(c, was, became, common, model))
        if became.level > was.level and became.level >= model.warn_level:
            c.churn_version += 1
            messages.append(self._warning(c, CHURN_WARNING, was, common, model))
        elif became.level < model.warn_level <= was.level:
            c.churn_version += 1
            messages.append(self._warning(c, CHURN_RECOVERED, was, common, model))
        if became.segment != was.segment:
            c.changes_version += 1
            messages.append(self._segment_change(c, was, became, common))
        return messages

    def scores(self, c: Customer, cause: Cause, model: Model) -> Message:
        """The whole record, for the compacted topic."""
        return self._message(c, SCORES, self.topics.customer_scores, cause.kind, cause.id, describe(c, model, self._exponent))

    def _tier_change(
        self, c: Customer, was: _Said, became: Assessment, common: dict[str, Any], model: Model
    ) -> Message:
        value = {
            "customer_id": c.customer_id,
            "version": c.tier_version,
            "from": TIER_NAMES[was.tier],
            "to": TIER_NAMES[became.tier],
            "direction": "up" if became.tier > was.tier else "down",
            **common,
        }
        if became.tier != TIER_NONE:
            value["rfm"] = rfm(c, model, self._exponent)
            value["segment"] = became.segment
        return self._decided(c, TIER_CHANGED, self.topics.tier_changes, value)

    def _warning(self, c: Customer, kind: str, was: _Said, common: dict[str, Any], model: Model) -> Message:
        value = {
            "customer_id": c.customer_id,
            "version": c.churn_version,
            "level": LEVELS[c.level],
            "from_level": LEVELS[was.level],
            **common,
        }
        if c.n:
            value |= churn(c, model)
            value["days_since_last_order"] = round((c.as_of - c.last_at) / DAY, 6)
            if c.n > 1:
                value["expected_gap_days"] = round((c.last_at - c.first_at) / (c.n - 1) / DAY, 6)
            value["value_at_stake"] = from_minor(c.monetary, self._exponent)
        return self._decided(c, kind, self.topics.churn_warnings, value)

    def _segment_change(
        self, c: Customer, was: _Said, became: Assessment, common: dict[str, Any]
    ) -> Message:
        value = {
            "customer_id": c.customer_id,
            "version": c.changes_version,
            "from": was.segment or None,
            "to": became.segment or None,
            **common,
        }
        return self._decided(c, SEGMENT_CHANGED, self.topics.customer_changes, value)

    def _decided(self, c: Customer, kind: str, topic: str, value: dict[str, Any]) -> Message:
        return self._message(c, kind, topic, value["cause"]["kind"], value["cause"]["id"], value)

    def _message(self, c: Customer, kind: str, topic: str, cause: str, cause_id: str, value: dict[str, Any]) -> Message:
        ordered = {name: value[name] for name in _FIELDS[kind] if name in value}
        assert len(ordered) == len(value), value.keys() - ordered.keys()
        return Message(
            id=decision_id(c.customer_id, kind, cause, cause_id),
            topic=topic,
            key=c.customer_id,
            type=kind,
            time=c.as_of,
            value=_encode(ordered),
        )
