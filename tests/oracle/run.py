"""The walk through all events, shard by shard, and what comes of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tests.oracle.customer import Customer
from tests.oracle.feedback import Feedback
from tests.oracle.looks import Decision, Looks
from tests.oracle.partition import shard_of
from tests.oracle.reading import RANK, SECOND, Event, Unreadable, read
from tests.oracle.samples import kept
from tests.oracle.scores import Scores
from tests.oracle.tables import Cell, Period, Tables, before_event
from tests.oracle.view import record_of

if TYPE_CHECKING:
    from stream.scoring.calibration import Calibration
    from stream.scoring.policy import Policy


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
        self.looks = Looks(self.scores, None if now is None else now - seed_after_seconds * SECOND)
        self.now = now
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
                self.looks.silence(customer, event.at, result.decisions, tables)
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
                self.looks.after(customer, event, first, result.decisions, tables)
                if not (event.type == "order.completed" and before.knows_order):
                    self.looks.compare(customer, event, result.decisions)
        result.clocks[shard] = clock
        end = clock if self.now is None else self.now
        for customer in customers.values():
            self.looks.silence(customer, end, result.decisions, tables)
            result.records[customer.id] = record_of(self.scores, customer, max(end, customer.as_of), shard)
        result.samples[shard] = kept(tables.samples, clock)
        result.tables[shard] = tables.kept(end, self.table_hours_max, self.table_days_max)


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
