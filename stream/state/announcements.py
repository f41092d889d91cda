"""From a changed classification to the messages that say so.

One evaluation can change tier, churn level, and the classes a customer is in; each of the three becomes a decision of
its own topic, with a version that rises by one per customer and topic and an id that depends on nothing but customer,
kind and cause. So the same cause never makes two different decisions, however often it is replayed.
"""

from __future__ import annotations

from typing import NamedTuple

from stream.contracts.decisions import (
    ANOMALY,
    CART_ABANDONED,
    CHURN_RECOVERED,
    CHURN_WARNING,
    CUSTOMER_CHANGED,
    FOLLOW_UP_DUE,
    SCORES,
    TIER_CHANGED,
    Message,
    decision_id,
)
from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.contracts.topics import Topics
from stream.scoring.abc import CLASSES
from stream.scoring.anomaly import GAP, ORDER_VALUE, Anomaly
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.scoring.units import DAY
from stream.state.advice import advised, is_held_out, recommended
from stream.state.carts import step, touched_at
from stream.state.changes import Said, changes_text
from stream.state.character import conduct_of, market_segments_of, need_of
from stream.state.customer import TIER_NAMES, TIER_NONE, Customer
from stream.state.evaluation import Assessment
from stream.state.model import Model
from stream.state.phrases import Phrases
from stream.state.view import DECIMALS
from stream.state.wording import churn_text, quote, quote_name
from stream.state.worth import Worth

#: By rank of the tier that was said and of the one that is true: how a change between them is told.
TIER_MOVES = tuple(
    tuple(
        f'"from":"{was}","to":"{now}","direction":"{"up" if rank > said else "down"}",'
        for rank, now in enumerate(TIER_NAMES)
    )
    for said, was in enumerate(TIER_NAMES)
)


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
        self._follow_ups = topics.follow_ups
        self._model: Model | None = None
        self._phrases: Phrases

    def announce(  # noqa: PLR0917 - what is true of one customer
        self,
        c: Customer,
        was: Said,
        found: Assessment,
        cell: int,
        matrix: int,
        figures: Worth | None,
        cause: Cause,
        origin: str,
        model: Model,
    ) -> list[Message]:
        """Say what changed, and note on the record that it was said; no messages where nothing did.

        Parameters
        ----------
        c
            The customer, moved to the moment at which the change is true.
        was
            What was said; it is still on the record, and is replaced by what is true.
        found, matrix
            What is true there.
        cell
            Place in the R-F-M cube; 0 without an order.
        figures
            What the customer is worth there; None without an order.
        origin
            live, timer, seed or recalibration.
        """
        c.tier, c.segment, c.level, c.abc, c.lifecycle, _ = found
        c.matrix = matrix
        c.need, c.conduct = need_of(c, model), conduct_of(c, model)
        c.market_segments = market_segments_of(c, model, cell)
        changes = changes_text(was, c, model)
        if not changes and c.tier == was.tier and c.level == was.level:
            return []
        c.version += 1
        as_of, customer, (kind, cause_id) = c.as_of, c.customer_id, cause
        if c.tier != was.tier:
            c.tier_since = as_of
        if c.lifecycle != was.lifecycle:
            c.lifecycle_since = as_of
        name, when = quote(customer), _when(as_of, origin, cause)
        messages = []
        if c.tier != was.tier:
            c.tier_version += 1
            value = (
                f'{{"customer_id":{name},"version":{c.tier_version},{TIER_MOVES[was.tier][c.tier]}{when}'
                f'{self._standing(c, figures, model)},"calibration":{model.number}{self._action(c, model)}}}'
            )
            message_id = decision_id(customer, TIER_CHANGED, kind, cause_id)
            messages.append(Message(message_id, self._tier_changes, customer, TIER_CHANGED, as_of, value.encode()))
        if c.level != was.level:
            if c.level > was.level and c.level >= model.warn_level:
                messages.append(self._warning(c, CHURN_WARNING, was.level, figures, cause, when, model))
            elif c.level < model.warn_level <= was.level:
                messages.append(self._warning(c, CHURN_RECOVERED, was.level, figures, cause, when, model))
        if changes:
            c.changes_version += 1
            value = (
                f'{{"customer_id":{name},"version":{c.changes_version},"changes":[{changes}],{when},'
                f'"calibration":{model.number}}}'
            )
            message_id = decision_id(customer, CUSTOMER_CHANGED, kind, cause_id)
            messages.append(
                Message(message_id, self._customer_changes, customer, CUSTOMER_CHANGED, as_of, value.encode())
            )
        return messages

    def cart_left(self, c: Customer, cause: Cause, origin: str, model: Model) -> Message:
        """Say that the cart was left behind, and note on the record that it was said."""
        c.cart_said = touched_at(c)
        figures = f'"step":"{step(c)}","left_at":"{format_time(c.cart_said)}"'
        return self._noticed(c, CART_ABANDONED, figures, c.as_of, cause, origin, model)

    def anomaly(self, c: Customer, found: Anomaly, at: int, cause: Cause, origin: str, model: Model) -> Message:
        """Say that a figure is unusual: amounts in the base currency, gaps in days, shares and counts as they are.

        `at`: the moment it is true, ms; not before the customer's own.
        """
        unit = {ORDER_VALUE.name: 10**self.exponent, GAP.name: DAY}.get(found.measure, 1)
        value, low, high = (round(one / unit, DECIMALS) for one in (found.value, found.usual.low, found.usual.high))
        figures = f'"figure":"{found.measure}","value":{value},"usual_from":{low},"usual_to":{high}'
        return self._noticed(c, ANOMALY, figures, at, cause, origin, model)

    def _noticed(
        self, c: Customer, kind: str, figures: str, at: int, cause: Cause, origin: str, model: Model
    ) -> Message:
        c.changes_version += 1
        value = (
            f'{{"customer_id":{quote(c.customer_id)},"version":{c.changes_version},{figures},'
            f'{_when(at, origin, cause)},"calibration":{model.number}}}'
        )
        message_id = decision_id(c.customer_id, kind, cause.kind, cause.id)
        return Message(message_id, self._customer_changes, c.customer_id, kind, at, value.encode())

    def _standing(self, c: Customer, figures: Worth | None, model: Model) -> str:
        """What a change of tier says of the customer's value."""
        if c.tier == TIER_NONE or figures is None:
            return ""
        abc = f',"abc":"{CLASSES[c.abc]}"' if c.abc else ""
        return (
            f',"rfm":{self._phrased(model).rfm(c)},"segment":{quote_name(c.segment)}{abc}'
            f',"clv":"{from_minor(figures.clv, self.exponent)}"'
        )

    def _action(self, c: Customer, model: Model) -> str:
        found = advised(c, model)
        return "" if found is None else f',"action":{quote_name(found.action)}'

    def follow_up(self, c: Customer, cause: Cause, origin: str, model: Model) -> list[Message]:
        """Say that it is time to be in touch, and note on the record that it was said; none for who is held out."""
        if is_held_out(c, model):
            return []
        c.follow_version += 1
        found = recommended(c, model)
        to_do = ""
        if found is not None:
            deadline = format_time(c.as_of + found.deadline_days * DAY)
            to_do = (
                f'"action":{quote_name(found.action)},"channel":{quote_name(found.channel)},"deadline":"{deadline}",'
            )
        value = (
            f'{{"customer_id":{quote(c.customer_id)},"version":{c.follow_version},"tier":"{TIER_NAMES[c.tier]}",'
            f'"lifecycle":"{STAGES[c.lifecycle]}",{to_do}{_when(c.as_of, origin, cause)},"calibration":{model.number}}}'
        )
        message_id = decision_id(c.customer_id, FOLLOW_UP_DUE, cause.kind, cause.id)
        return [Message(message_id, self._follow_ups, c.customer_id, FOLLOW_UP_DUE, c.as_of, value.encode())]

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

    def _warning(
        self, c: Customer, kind: str, was: int, worth: Worth | None, cause: Cause, when: str, model: Model
    ) -> Message:
        c.churn_version += 1
        figures = ""
        if worth is not None:
            risk, p_alive, reasons = churn_text(c, model)
            gap = ""
            if c.n > 1:
                gap = f',"expected_gap_days":{round((c.last_at - c.first_at) / (c.n - 1) / DAY, DECIMALS)}'
            figures = (
                f'"risk":{risk},"p_alive":{p_alive},'
                f'"days_since_last_order":{round((c.as_of - c.last_at) / DAY, DECIMALS)}{gap},"reasons":{reasons},'
                f'"value_at_stake":"{from_minor(worth.at_stake, self.exponent)}",'
            )
        value = (
            f'{{"customer_id":{quote(c.customer_id)},"version":{c.churn_version},"level":"{LEVELS[c.level]}",'
            f'"from_level":"{LEVELS[was]}",{figures}{when},"calibration":{model.number}{self._action(c, model)}}}'
        )
        message_id = decision_id(c.customer_id, kind, cause.kind, cause.id)
        return Message(message_id, self._churn_warnings, c.customer_id, kind, c.as_of, value.encode())


def _when(as_of: int, origin: str, cause: Cause) -> str:
    kind, cause_id = cause
    # Only the id of an event comes from outside.
    text = quote(cause_id) if kind == "event" else f'"{cause_id}"'
    return f'"effective_at":"{format_time(as_of)}","origin":"{origin}","cause":{{"kind":"{kind}","id":{text}}}'
