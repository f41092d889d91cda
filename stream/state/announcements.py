"""From a changed classification to the messages that say so.

One evaluation can change tier, level and segment; each becomes a decision of its own topic, with a version that
rises by one per customer and topic and an id that depends on nothing but customer, kind and cause. So the same
cause never makes two different decisions, however often it is replayed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from stream.contracts.decisions import (
    CHURN_RECOVERED,
    CHURN_WARNING,
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
from stream.state.model import Model
from stream.state.phrases import Phrases
from stream.state.view import DECIMALS
from stream.state.wording import churn_text, quote, quote_name

#: By rank of the tier that was said and of the one that is true: how a change between them is told.
TIER_MOVES = tuple(
    tuple(
        f'"from":"{was}","to":"{now}","direction":"{"up" if rank > said else "down"}",'
        for rank, now in enumerate(TIER_NAMES)
    )
    for said, was in enumerate(TIER_NAMES)
)


@lru_cache(maxsize=1_024)
def _segment_move(was: str, became: str) -> str:
    return f'"from":{quote(was) if was else "null"},"to":{quote(became) if became else "null"},'


class Cause(NamedTuple):
    """What led to a decision: an event (its id), a timer (its moment, RFC 3339), or a calibration (its name)."""

    kind: str
    id: str


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
        self.exponent = exponent
        # A property that puts a name together costs as much as looking a customer up.
        self._tier_changes = topics.tier_changes
        self._churn_warnings = topics.churn_warnings
        self._customer_changes = topics.customer_changes
        self._customer_scores = topics.customer_scores
        self._model: Model | None = None
        self._phrases: Phrases

    def announce(
        self, c: Customer, tier: int, segment: str, level: int, cause: Cause, origin: str, model: Model
    ) -> list[Message]:
        """Say what changed, and note on the record that it was said.

        Parameters
        ----------
        c
            The customer, moved to the moment at which the change is true.
        tier, segment, level
            What is true there: rank, name, rank. What was said is on the record and is replaced by it.
        origin
            live, timer, seed or recalibration.
        """
        was_tier, was_segment, was_level = c.tier, c.segment, c.level
        c.tier, c.segment, c.level = tier, segment, level
        c.version += 1
        as_of, customer, (kind, cause_id) = c.as_of, c.customer_id, cause
        name = quote(customer)
        # Only the id of an event comes from outside.
        cause_text = quote(cause_id) if kind == "event" else f'"{cause_id}"'
        when = (
            f'"effective_at":"{format_time(as_of)}","origin":"{origin}","cause":{{"kind":"{kind}","id":{cause_text}}}'
        )
        messages = []
        if tier != was_tier:
            c.tier_since = as_of
            c.tier_version += 1
            figures = ""
            if tier != TIER_NONE:
                figures = f',"rfm":{self._phrased(model).rfm(c)},"segment":{quote_name(segment)}'
            value = (
                f'{{"customer_id":{name},"version":{c.tier_version},{TIER_MOVES[was_tier][tier]}{when}{figures},'
                f'"calibration":{model.number}}}'
            )
            message_id = decision_id(customer, TIER_CHANGED, kind, cause_id)
            messages.append(Message(message_id, self._tier_changes, customer, TIER_CHANGED, as_of, value.encode()))
        if level != was_level:
            if level > was_level and level >= model.warn_level:
                messages.append(self._warning(c, CHURN_WARNING, was_level, cause, when, model))
            elif level < model.warn_level <= was_level:
                messages.append(self._warning(c, CHURN_RECOVERED, was_level, cause, when, model))
        if segment != was_segment:
            c.changes_version += 1
            value = (
                f'{{"customer_id":{name},"version":{c.changes_version},{_segment_move(was_segment, segment)}{when},'
                f'"calibration":{model.number}}}'
            )
            message_id = decision_id(customer, SEGMENT_CHANGED, kind, cause_id)
            messages.append(
                Message(message_id, self._customer_changes, customer, SEGMENT_CHANGED, as_of, value.encode())
            )
        return messages

    def scores(self, c: Customer, cause: Cause, model: Model) -> Message:
        """The whole record, for the compacted topic; the customer's `due` must be exact."""
        customer = c.customer_id
        message_id = decision_id(customer, SCORES, cause.kind, cause.id)
        phrases = self._phrases if model is self._model else self._phrased(model)
        value = phrases.scores(c).encode()
        return Message(message_id, self._customer_scores, customer, SCORES, c.as_of, value)

    def _phrased(self, model: Model) -> Phrases:
        if model is not self._model:
            self._model, self._phrases = model, Phrases(model, self.exponent)
        return self._phrases

    def _warning(self, c: Customer, kind: str, was: int, cause: Cause, when: str, model: Model) -> Message:
        c.churn_version += 1
        figures = ""
        if c.n:
            risk, p_alive, reasons = churn_text(c, model)
            gap = ""
            if c.n > 1:
                gap = f',"expected_gap_days":{round((c.last_at - c.first_at) / (c.n - 1) / DAY, DECIMALS)}'
            figures = (
                f'"risk":{risk},"p_alive":{p_alive},'
                f'"days_since_last_order":{round((c.as_of - c.last_at) / DAY, DECIMALS)}{gap},"reasons":{reasons},'
                f'"value_at_stake":"{from_minor(c.monetary, self.exponent)}",'
            )
        value = (
            f'{{"customer_id":{quote(c.customer_id)},"version":{c.churn_version},"level":"{LEVELS[c.level]}",'
            f'"from_level":"{LEVELS[was]}",{figures}{when},"calibration":{model.number}}}'
        )
        message_id = decision_id(c.customer_id, kind, cause.kind, cause.id)
        return Message(message_id, self._churn_warnings, c.customer_id, kind, c.as_of, value.encode())
