"""The path of whatever `order_path` leaves: any event, applied to a customer who is an object."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stream.contracts.dead_letters import dead_letter_message
from stream.contracts.events import (
    CANCELLED,
    COMPLETED,
    DeadLetter,
    Event,
    InteractionEvent,
    OrderEvent,
    PrivacyEvent,
    ProfileEvent,
)
from stream.state import baskets, interactions, ledger
from stream.state.announcements import Announcer
from stream.state.character import has_only_ordered, need_of
from stream.state.customer import UNSET, Customer
from stream.state.doings import is_late, note_passing
from stream.state.interaction_path import take_in
from stream.state.ledger import Added
from stream.state.looks import Looks
from stream.state.model import Model
from stream.state.outcome import Batch, Limits
from stream.state.tables import who


class CarefulPath:
    """The path, for one application of events.

    Parameters
    ----------
    batch
        Takes up what events lead to.
    looks
        The looks at the customers.
    objects
        Customers in memory who are objects; those of the events are among them.
    model
        The rules.
    limits
        Bounds.
    announcer
        Knows the topics.
    shard
        Partition number, for dead letters.
    """

    __slots__ = ("_announcer", "_batch", "_limits", "_looks", "_model", "_objects", "_shard")

    def __init__(
        self,
        batch: Batch,
        looks: Looks,
        objects: Mapping[str, Customer],
        model: Model,
        limits: Limits,
        announcer: Announcer,
        shard: int,
    ) -> None:
        self._batch = batch
        self._looks = looks
        self._objects = objects
        self._model = model
        self._limits = limits
        self._announcer = announcer
        self._shard = shard

    def apply(self, event: Event | DeadLetter, clock: int) -> int:
        """Apply one event of any kind; gives the clock after it."""
        batch = self._batch
        if isinstance(event, DeadLetter):
            batch.messages.append(dead_letter_message(event, self._announcer.topics, max(0, clock)))
            batch.count("dead_letters")
            return clock
        if isinstance(event, OrderEvent):
            added = self._order(event)
        elif isinstance(event, InteractionEvent):
            added = self._interaction(event)
        else:
            added = self._profile(event)
        # Duplicates included: which of two events is the duplicate depends on their order, the clock must not.
        if event.at > clock:  # noqa: PLR1730 - max is a call
            clock = event.at
        if added is Added.NEW or added is Added.CHANGED:
            batch.count("applied")
        elif added is Added.DUPLICATE:
            batch.count("duplicates")
        else:
            letter = self._unmergeable(event, added)
            batch.messages.append(dead_letter_message(letter, self._announcer.topics, max(0, clock)))
            batch.count("dead_letters")
        return clock

    def _order(self, event: OrderEvent) -> Added:
        batch, looks = self._batch, self._looks
        c = batch.touch(self._objects[event.customer])
        at = event.at
        looks.before(c, at)
        closely = has_only_ordered(c) and event.details is not None
        if event.kind != COMPLETED:
            closely = True
            added = self._refund(c, event)
        else:
            known, first, folded = who(c), not c.times and c.folded is None, c.folded
            orders_max = self._limits.ledger_orders_max
            added = ledger.add_order(c, at, event.order, event.amount, self._model.window, orders_max)
            if c.folded is not folded:
                batch.count("ledger_folds")
            batch.count("categories_left_out", baskets.follow(c, event.order, at, event.amount, event.details, added))
            if added is Added.NEW:
                details = event.details
                spent = () if details is None else zip(details.categories, details.spent, strict=True)
                batch.tables.add_order(at, event.amount, event.channel, known, first=first, spent=spent)
        if added is Added.NEW or added is Added.CHANGED:
            closely = closely or (event.details is not None and need_of(c, self._model) != c.need)
            looks.after(c, event.event_id, at, closely=closely)
        if added is Added.NEW:
            looks.compare(c, event)
        return added

    def _refund(self, c: Customer, event: OrderEvent) -> Added:
        net = ledger.net_of_order(c, event.order)
        amount = ledger.CANCELLED if event.kind == CANCELLED else event.amount
        refunds_max = self._limits.ledger_orders_max
        added = ledger.add_refund(c, event.order, event.event, amount, self._model.window, refunds_max)
        if added is Added.NEW:
            fall = net - ledger.net_of_order(c, event.order)
            self._batch.tables.add_refund(event.at, fall, event.channel, who(c))
        return added

    def _interaction(self, event: InteractionEvent) -> Added:
        batch, looks = self._batch, self._looks
        c = batch.touch(self._objects[event.customer])
        at = event.at
        looks.before(c, at)
        closely = event.type in interactions.SERVICE or has_only_ordered(c)
        if not interactions.first_time(c, event.event, self._limits.interaction_dedupe_max):
            return Added.DUPLICATE
        if not take_in(c, event, self._model, batch.tables, who(c)):
            batch.count("activity_left_out")
        closely = closely or c.as_of == UNSET or need_of(c, self._model) != c.need
        if closely or event.type in interactions.TELLING or is_late(c, event.type, at):
            looks.after(c, event.event_id, at, closely=closely)
        else:
            note_passing(c, event.type, at, self._model)
        looks.compare(c, event)
        return Added.NEW

    def _profile(self, event: ProfileEvent | PrivacyEvent) -> Added:
        looks = self._looks
        c = self._batch.touch(self._objects[event.customer])
        if isinstance(event, ProfileEvent):
            looks.before(c, event.at)
        if not interactions.first_time(c, event.event, self._limits.interaction_dedupe_max):
            return Added.DUPLICATE
        if isinstance(event, ProfileEvent):
            interactions.note_profile(c, event.type, event.at, event.event, event.kind, event.region)
            looks.after(c, event.event_id, event.at, closely=True)
        return Added.NEW

    def _unmergeable(self, event: Event, added: Added) -> DeadLetter:
        """A good event that the record cannot take in, because of one of its limits."""
        limit = self._limits.ledger_orders_max
        if added is Added.TOO_OLD:
            field, reason = (
                "occurred_at",
                (
                    f"older than the orders of this customer that are still kept one by one (the newest {limit}, "
                    "setting ledger_orders_max): whether it is a duplicate can no longer be told"
                ),
            )
        else:
            field = "order_id"
            reason = f"this customer has refunds for {limit} orders already (setting ledger_orders_max)"
        key, value = event.customer.encode(), msgspec.json.encode(event)
        return DeadLetter(self._announcer.topics.orders, self._shard, event.offset, field, reason, key, value)
