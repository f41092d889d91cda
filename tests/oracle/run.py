"""The walk through all events, shard by shard, and what comes of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import xxhash

from tests.oracle.customer import Customer
from tests.oracle.feedback import Feedback
from tests.oracle.partition import shard_of
from tests.oracle.reading import DAY, RANK, SECOND, Event, Unreadable, read, rfc3339
from tests.oracle.samples import kept
from tests.oracle.scores import Scores
from tests.oracle.signs import ANSWERS
from tests.oracle.tables import LOST_AND_WON, Cell, Period, Tables, before_event
from tests.oracle.view import record_of
from tests.oracle.worth import Worth

if TYPE_CHECKING:
    from stream.scoring.calibration import Calibration
    from stream.scoring.policy import Policy

Decision = dict[str, Any]
Move = dict[str, str | None]
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


@dataclass
class Result:
    """Everything the events come to.

    Attributes
    ----------
    records
        Customer id to what is known and what was said; see `view.record_of`.
    decisions
        All decisions. Those of one customer are in order; customers of a shard are mixed as they came.
    tables
        Shard, then `Period`, then `Cell` to its sum.
    samples
        Shard to how many churn samples came to what, by the fields of its histogram.
    accounting
        ``read``, ``applied``, ``duplicates``, ``dead_letters``; and the same by topic as ``orders.read`` and so on.
    clocks
        Shard to its clock in ms at the end.
    """

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    tables: dict[int, dict[Period, dict[Cell, int]]] = field(default_factory=dict)
    samples: dict[int, dict[str, int]] = field(default_factory=dict)
    accounting: Counter[str] = field(default_factory=Counter)
    clocks: dict[int, int] = field(default_factory=dict)

    def of(self, customer: str) -> list[Decision]:
        """The decisions of one customer, in order."""
        return [decision for decision in self.decisions if decision["customer"] == customer]


class Oracle:
    """Policy and calibration, put to a whole history.

    Parameters
    ----------
    policy, calibration
        Plain data of ``stream.scoring``.
    partitions
        Number of shards.
    clock
        ``event``: after the last event every shard is swept at its own clock. ``wall``: at `now`.
    now
        Milliseconds; needed with ``clock=wall``.
    seed_after_seconds
        With ``clock=wall``: event decisions further back than this from `now` have origin ``seed``.
    currency
        The base currency; None accepts any.
    window_days
        In place of the policy's.
    ledger_orders_max
        The oracle does not fold: a customer with more order ids is an error.
    """

    def __init__(
        self,
        policy: Policy,
        calibration: Calibration,
        partitions: int,
        clock: Literal["event", "wall"] = "event",
        *,
        now: int | None = None,
        seed_after_seconds: float = 172_800.0,
        currency: str | None = None,
        window_days: int | None = None,
        ledger_orders_max: int = 1_000,
        interaction_dedupe_max: int = 128,
        table_hours_max: int = 31 * 24,
        table_days_max: int = 400,
        table_names_max: int = 100,
    ) -> None:
        if (clock == "wall") != (now is not None):
            raise ValueError("now is for clock=wall, and needed there")
        self.feedback = Feedback(policy)
        self.scores = Scores(policy, calibration, window_days)
        self.partitions = partitions
        self.now = now
        self.seed_after_ms = seed_after_seconds * SECOND
        self.currency = currency
        self.ledger_orders_max = ledger_orders_max
        self.interaction_dedupe_max = interaction_dedupe_max
        self.table_hours_max = table_hours_max
        self.table_days_max = table_days_max
        self.table_names_max = table_names_max

    def run(self, events: Mapping[str, Iterable[dict[str, Any]]]) -> Result:
        """Work through all events: by plain topic name, canonical dicts in the order of the log.

        A customer's events of one topic stand in the log in the order in which they are given; that is all that
        matters of it.
        """
        result = Result()
        for shard, topics in sorted(self._sharded(events, result.accounting).items()):
            self._run_shard(shard, topics, result)
        for name in ("read", "applied", "duplicates", "dead_letters"):
            result.accounting[name] = sum(result.accounting[f"{topic}.{name}"] for topic in RANK)
        return result

    def _sharded(
        self, events: Mapping[str, Iterable[dict[str, Any]]], accounting: Counter[str]
    ) -> dict[int, dict[str, list[Event]]]:
        """Readable events by shard and topic. What cannot be read has no effect but to be counted."""
        shards: dict[int, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
        for topic, raws in events.items():
            for raw in raws:
                accounting[f"{topic}.read"] += 1
                try:
                    event = read(topic, raw, self.currency)
                except Unreadable:
                    accounting[f"{topic}.dead_letters"] += 1
                else:
                    shards[shard_of(event.customer, self.partitions)][topic].append(event)
        return shards

    def _run_shard(self, shard: int, topics: Mapping[str, Sequence[Event]], result: Result) -> None:
        customers: dict[str, Customer] = {}
        tables = Tables(self.feedback, self.table_names_max)
        clock = 0
        for event in merged(topics):
            clock = max(clock, event.at)
            customer = customers.get(event.customer)
            if customer is None:
                customer = customers[event.customer] = Customer(event.customer, self.interaction_dedupe_max)
            tables.hear(event)
            looked_at = event.topic != "privacy"
            if looked_at:
                self._silence(customer, event.at, result.decisions, tables)
            before = before_event(customer, event)
            first = self.scores.characters.has_only_ordered(customer)
            if not customer.take(event):
                result.accounting[f"{event.topic}.duplicates"] += 1
                continue
            result.accounting[f"{event.topic}.applied"] += 1
            if len(customer.orders) > self.ledger_orders_max:
                raise ValueError(
                    f"customer {customer.id} has more than {self.ledger_orders_max} orders: no folding here"
                )
            tables.count_event(event, before, customer)
            if looked_at:
                self._follow(customer, event, first, result.decisions, tables)
                if not (event.type == "order.completed" and before.knows_order):
                    self._compare(customer, event, result.decisions)
        result.clocks[shard] = clock
        end = clock if self.now is None else self.now
        for customer in customers.values():
            self._silence(customer, end, result.decisions, tables)
            result.records[customer.id] = record_of(self.scores, customer, max(end, customer.as_of), shard)
        result.samples[shard] = kept(tables.samples, clock)
        result.tables[shard] = tables.kept(end, self.table_hours_max, self.table_days_max)

    def _follow(self, customer: Customer, event: Event, first: bool, decisions: list[Decision], tables: Tables) -> None:
        """Look at the customer after an event, if it is one to look after; `first`: that is not a plain order."""
        plain = event.type == "order.completed" and event.details is None
        closely = event.type in CLOSELY or (first and not plain) or (customer.as_of == 0 and not plain)
        if not plain and not closely:
            closely = self.scores.characters.need(customer) != customer.need
        is_late = self.scores.signs.is_late(customer, event.type, event.at)
        if closely or event.topic == "orders" or event.type in TELLING or is_late:
            as_of = max(customer.as_of, event.at)
            self._evaluate(customer, as_of, ("event", event.id), decisions, tables, closely=closely)

    def _compare(self, customer: Customer, event: Event, decisions: list[Decision]) -> None:
        """Say so where what an event brought is unlike the customer."""
        found = self.scores.anomalies.of(customer, event)
        if found is not None:
            as_of, cause = max(customer.as_of, event.at), ("event", event.id)
            decision = self._decision(customer, "customer.anomaly", "customer-changes", None, None, cause, as_of)
            decisions.append(decision | found.told)

    def _silence(
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
        if self.now is not None and as_of < self.now - self.seed_after_ms:
            return "seed"
        return "timer" if cause[0] == "timer" else "live"


def moves_of(was: Customer, customer: Customer) -> list[Move]:
    """What `customer.changed` tells of, in its order."""
    moves: list[Move] = [
        {"what": what, "from": old, "to": new}
        for what, old, new in (
            ("segment", was.segment, customer.segment),
            ("abc", none(was.abc), none(customer.abc)),
            ("lifecycle", was.lifecycle, customer.lifecycle),
        )
        if old != new
    ]
    moves += [
        {"what": "matrix", "name": name, "from": was.cells.get(name), "to": cell}
        for name, cell in customer.cells.items()
        if cell != was.cells.get(name)
    ]
    if customer.need != was.need:
        moves.append({"what": "need", "from": none(was.need), "to": none(customer.need)})
    before, after = was.market_segments, customer.market_segments
    moves += [{"what": "market_segment", "name": it, "from": it, "to": None} for it in before if it not in after]
    moves += [{"what": "market_segment", "name": it, "from": None, "to": it} for it in after if it not in before]
    if customer.conduct != was.conduct:
        moves.append({"what": "conduct", "from": none(was.conduct), "to": none(customer.conduct)})
    return moves


def none(name: str) -> str | None:
    """The name, and nothing for ``none``."""
    return None if name == "none" else name


def last_scores(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """The last ``customer.scores`` of each customer: what a compacted topic holds in the end."""
    return {decision["customer"]: decision for decision in decisions if decision["kind"] == "customer.scores"}


def merged(topics: Mapping[str, Sequence[Event]]) -> Iterator[Event]:
    """One sequence of several topics: at each step the topic whose next event is the earliest."""
    heads = {topic: 0 for topic in sorted(topics, key=RANK.__getitem__) if topics[topic]}
    while heads:
        # Of equals, min takes the first: topics stand in the order of their rank.
        topic = min(heads, key=lambda name: topics[name][heads[name]].at)
        yield topics[topic][heads[topic]]
        heads[topic] += 1
        if heads[topic] == len(topics[topic]):
            del heads[topic]
