"""Looks at a customer: what is true at a moment, what changed, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import xxhash

from tests.oracle.changes import Move, moves_of, none
from tests.oracle.customer import Customer
from tests.oracle.reading import DAY, Event, rfc3339
from tests.oracle.scores import Scores
from tests.oracle.signs import ANSWERS
from tests.oracle.tables import LOST_AND_WON, Tables
from tests.oracle.worth import Worth

Decision = dict[str, Any]
Cause = tuple[str, str]

CLOSELY = {
    "order.refunded",
    "order.cancelled",
    "customer.registered",
    "customer.updated",
    "complaint.opened",
    "consultation.opened",
}
"""Events after which all is looked at."""
TELLING = {"cart.updated", "checkout.started", "complaint.resolved", "feedback.nps", *ANSWERS}
"""Interactions after which the classes are looked at."""

TOLD = {"customer.tier.changed", "customer.churn.warning", "customer.churn.recovered"}
"""Decisions that recommend an action."""


class Looks:
    """Policy and calibration, put to customers.

    Parameters
    ----------
    scores
        What is true at a moment.
    seed_before
        What events make true before it, ms, has origin ``seed``; None: nothing has.
    """

    def __init__(self, scores: Scores, seed_before: float | None) -> None:
        self.scores = scores
        self.seed_before = seed_before

    def after(self, customer: Customer, event: Event, first: bool, decisions: list[Decision], tables: Tables) -> None:
        """Look at the customer after an event, if it is one to look after; `first`: that is not a plain order."""
        plain = event.type == "order.completed" and event.details is None
        closely = event.type in CLOSELY or (first and not plain) or (customer.as_of == 0 and not plain)
        if not plain and not closely:
            closely = self.scores.characters.need(customer) != customer.need
        is_late = self.scores.signs.is_late(customer, event.type, event.at)
        if closely or event.topic == "orders" or event.type in TELLING or is_late:
            as_of = max(customer.as_of, event.at)
            self._evaluate(customer, as_of, ("event", event.id), decisions, tables, closely=closely)

    def compare(self, customer: Customer, event: Event, decisions: list[Decision]) -> None:
        """Say so where what an event brought is unlike the customer."""
        found = self.scores.anomalies.of(customer, event)
        if found is not None:
            as_of, cause = max(customer.as_of, event.at), ("event", event.id)
            decision = self._decision(customer, "customer.anomaly", "customer-changes", None, None, cause, as_of)
            decisions.append(decision | found.told)

    def silence(
        self,
        customer: Customer,
        until: int,
        decisions: list[Decision],
        tables: Tables,
    ) -> None:
        """Look at the customer at each moment before `until` at which silence changes something."""
        while (moment := self.scores.next_change(customer, until)) is not None:
            self._evaluate(customer, moment, ("timer", rfc3339(moment)), decisions, tables)

    def _evaluate(
        self,
        customer: Customer,
        as_of: int,
        cause: Cause,
        decisions: list[Decision],
        tables: Tables,
        *,
        closely: bool = False,
    ) -> None:
        """Look at the customer at `as_of`, and say what changed; closely: at their cells in any case."""
        scores, was = self.scores, copy(customer)
        self._note_outcome(customer, as_of, tables)
        parts = scores.contributions(customer, as_of)
        worth = self._classify(customer, was, as_of, parts, closely=closely)
        warned = scores.levels.index(was.level) < scores.levels.index(customer.level) >= scores.warn_from
        moves = moves_of(was, customer)
        for kind, topic, old, new in [
            *self._changes(customer, was, moves, warned=warned),
            *self._cart(customer, tables),
        ]:
            decision = self._decision(customer, kind, topic, old, new, cause)
            if kind == "customer.changed":
                decision["changes"] = moves
            decisions.append(decision | self._told(customer, kind, worth))

        grounds = [code for code, weight in parts.items() if weight > 0]
        if customer.tier != was.tier:
            tables.count_move(as_of, was.tier, customer.tier)
        if warned:
            tables.count_reasons(as_of, "warned", grounds)
            self._note_contact(customer)
        if customer.lifecycle != was.lifecycle:
            tables.count_stage(as_of, was.lifecycle, customer.lifecycle, was.tier, was.segment)
            if customer.lifecycle in LOST_AND_WON:
                tables.count_reasons(as_of, customer.lifecycle, grounds)
        follow_up = scores.appointments.follow_up_at(customer)
        if follow_up is not None and follow_up <= as_of:
            if not scores.classes.is_held_out(customer):
                decisions.append(self._follow_up(customer, cause))
            self._note_contact(customer)
        self._sample(customer, tables)

    def _sample(self, customer: Customer, tables: Tables) -> None:
        """Count what came of the sample that is open, and take one at a moment of the grid."""
        appointments = self.scores.appointments
        if customer.sample is not None and appointments.is_over(customer):
            tables.count_sample(customer.sample, customer.last_at if customer.n else 0)
            customer.sample = None
        if appointments.asks(customer):
            customer.sample = self.scores.sample(customer)

    def _classify(
        self, customer: Customer, was: Customer, as_of: int, parts: dict[str, float], *, closely: bool
    ) -> Worth | None:
        """Put down what is true at `as_of`; the worth, where it was looked at."""
        scores = self.scores
        rfm = scores.rfm(customer, as_of)
        closely = closely or scores.characters.is_older(customer, as_of)
        customer.as_of = as_of
        customer.tier = scores.said_tier(scores.raw_tier(rfm, was.tier), was.tier, customer.tier_since, as_of)
        customer.level = scores.level(parts)
        customer.segment = scores.segment(rfm)
        customer.abc = scores.abc(customer, as_of)
        customer.lifecycle = scores.lifecycle(customer, as_of)
        if customer.tier != was.tier:
            customer.tier_since = as_of
        if customer.lifecycle != was.lifecycle:
            customer.lifecycle_since = as_of
        fast = (customer.tier, customer.level, customer.segment, customer.abc, customer.lifecycle)
        if not closely and fast == (was.tier, was.level, was.segment, was.abc, was.lifecycle):
            return None
        worth = scores.worth(customer, as_of)
        customer.cells = scores.cells(customer, rfm, worth)
        customer.need = scores.characters.need(customer)
        customer.conduct = scores.characters.conduct(customer)
        customer.market_segments = scores.characters.market_segments(customer, rfm)
        return worth

    def _changes(
        self, customer: Customer, was: Customer, moves: list[Move], *, warned: bool
    ) -> Iterator[tuple[str, str, str | None, str | None]]:
        """Kind, topic, from and to of what is said."""
        scores = self.scores
        if customer.tier != was.tier:
            yield "customer.tier.changed", "tier-changes", was.tier, customer.tier
        if warned:
            yield "customer.churn.warning", "churn-warnings", was.level, customer.level
        if scores.levels.index(was.level) >= scores.warn_from > scores.levels.index(customer.level):
            yield "customer.churn.recovered", "churn-warnings", was.level, customer.level
        if moves:
            yield "customer.changed", "customer-changes", None, None
        if moves or (was.tier, was.level) != (customer.tier, customer.level):
            yield "customer.scores", "customer-scores", None, None

    def _note_outcome(self, customer: Customer, as_of: int, tables: Tables) -> None:
        """Count what came of the action that is waited for, where that is known."""
        came_back = self.scores.appointments.came_back(customer, as_of)
        if came_back is not None and customer.action is not None:
            group = "held_out" if self.scores.classes.is_held_out(customer) else "treated"
            tables.count_outcome(as_of, customer.action, group, came_back=came_back)
            customer.action = None

    def _note_contact(self, customer: Customer) -> None:
        """A warning or a follow-up was due: the first action is waited for until its outcome is known."""
        customer.contacted_at = customer.as_of
        action = self.scores.classes.action(customer)
        if action is not None and customer.action is None:
            customer.action, customer.action_at = action.action, customer.as_of

    def _follow_up(self, customer: Customer, cause: Cause) -> Decision:
        decision = self._decision(customer, "customer.follow_up.due", "follow-ups", None, None, cause)
        action = self.scores.classes.action(customer)
        told: dict[str, Any] = {"tier": customer.tier, "lifecycle": customer.lifecycle}
        if action is not None:
            deadline = customer.as_of + action.deadline_days * DAY
            told |= {"action": action.action, "channel": action.channel, "deadline": deadline}
        return decision | told

    def _cart(self, customer: Customer, tables: Tables) -> list[tuple[str, str, None, None]]:
        """The decision that the cart was left behind, where it was and nobody said so."""
        characters = self.scores.characters
        left_at, touched = characters.left_at(customer), characters.touched_at(customer)
        if left_at is None or left_at > customer.as_of or customer.cart_said == touched:
            return []
        customer.cart_said = touched
        tables.count_cart(customer.as_of, customer)
        return [("customer.cart.abandoned", "customer-changes", None, None)]

    def _decision(
        self,
        customer: Customer,
        kind: str,
        topic: str,
        old: str | None,
        new: str | None,
        cause: Cause,
        at: int | None = None,
    ) -> Decision:
        """A decision of a moment, that of the last look by default."""
        effective_at = customer.as_of if at is None else at
        version = None
        if topic != "customer-scores":
            customer.versions[topic] += 1
            version = customer.versions[topic]
        text = "\0".join((customer.id, kind, *cause))
        return {
            "customer": customer.id,
            "kind": kind,
            "topic": topic,
            "from": old,
            "to": new,
            "effective_at": effective_at,
            "cause": {"kind": cause[0], "id": cause[1]},
            "origin": self._origin(cause, effective_at),
            "version": version,
            "id": xxhash.xxh3_128_hexdigest(text.encode()),
        }

    def _told(self, customer: Customer, kind: str, worth: Worth | None) -> dict[str, Any]:
        """What a change of tier or level says beside it: the action, and what the customer is worth."""
        told: dict[str, Any] = {}
        if kind in TOLD:
            action = self.scores.classes.action(customer)
            told["action"] = None if action is None or self.scores.classes.is_held_out(customer) else action.action
        if kind == "customer.tier.changed" and customer.tier != "none" and worth is not None:
            told |= {"abc": none(customer.abc), "clv": worth.clv}
        elif kind in TOLD and kind != "customer.tier.changed" and worth is not None:
            told["value_at_stake"] = worth.at_stake
        return told

    def _origin(self, cause: Cause, as_of: int) -> str:
        if self.seed_before is not None and as_of < self.seed_before:
            return "seed"
        return "timer" if cause[0] == "timer" else "live"
