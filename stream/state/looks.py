"""Looks at customers who are objects: what silence made true, what an event changed, and what is said of it.

A look brings a customer to a moment and holds what is true there against what was said. Tier, segment, level, class and
stage are seen at every look; worth, cells, need, conduct and rule segments only where one of those changed, or where
what just happened may have changed them (`closely`).
"""

from __future__ import annotations

from stream.contracts.events import InteractionEvent, OrderEvent
from stream.contracts.times import format_time
from stream.scoring.lifecycle import STAGES
from stream.state.advice import action_name, is_held_out
from stream.state.ages import next_age
from stream.state.announcements import Announcer, Cause
from stream.state.appointments import follow_up_is_due, label_and_sample, next_appointment, note_contact, outcome
from stream.state.carts import left_at, touched_at
from stream.state.changes import said_of
from stream.state.customer import TIER_NAMES, UNSET, Customer
from stream.state.evaluation import Assessment, assess, next_due
from stream.state.model import Model
from stream.state.outcome import Batch
from stream.state.rule_names import RuleNames
from stream.state.table_names import REASON_KINDS
from stream.state.tables import who
from stream.state.unusual import unusual
from stream.state.view import cell_of, grounds
from stream.state.worth import matrix_of, worth


class Looks:
    """The looks of one application of events.

    Parameters
    ----------
    batch
        Takes up messages, and what is added to the tables.
    model
        The rules.
    rule_names
        Carries rule segments over from the rules before.
    announcer
        Builds messages.
    seed_before
        What is true before it, ms, is old news; see `ShardState.apply`.
    """

    __slots__ = ("_announcer", "_batch", "_model", "_rule_names", "_seed_before")

    def __init__(
        self, batch: Batch, model: Model, rule_names: RuleNames, announcer: Announcer, seed_before: int
    ) -> None:
        self._batch = batch
        self._model = model
        self._rule_names = rule_names
        self._announcer = announcer
        self._seed_before = seed_before

    def before(self, c: Customer, at: int) -> None:
        """Bring a customer to the present rules, and apply what silence made true before `at`."""
        if c.fingerprint != self._model.fingerprint:
            self.recalibrate(c)
        while (due := c.due) < at:
            if not c.due_is_exact:
                c.due, c.due_is_exact = next_due(c, self._model), True
            else:
                self._look(c, due, "timer", "", closely=False)

    def recalibrate(self, c: Customer) -> None:
        """Look again under the present rules at a customer last looked at under others."""
        c.grid_to = 0
        if c.as_of == UNSET:
            c.fingerprint = self._model.fingerprint
        elif c.fingerprint != self._model.fingerprint:
            c.market_segments = self._rule_names.carried(c.market_segments, self._model.market)
            self._look(c, c.as_of, "calibration", self._model.name, closely=True)

    def after(self, c: Customer, event_id: str, at: int, *, closely: bool) -> None:
        """Look at a customer to whom something happened, at its moment or at the customer's own, if that is later."""
        as_of = c.as_of
        self._look(c, at if at > as_of else as_of, "event", event_id, closely=closely)  # noqa: FURB136 - max is a call

    def _look(self, c: Customer, as_of: int, kind: str, cause_id: str, *, closely: bool) -> None:
        model = self._model
        if as_of >= c.due:
            # Rule segments may depend on how long ago somebody registered.
            closely = closely or next_age(c, c.as_of, model) <= as_of
        if c.action:
            self._learn(c, as_of)
        found = assess(c, as_of, model)
        c.fingerprint = model.fingerprint
        tier, segment, level, abc, lifecycle, due = found
        if (
            closely
            or tier != c.tier
            or level != c.level
            or segment != c.segment
            or abc != c.abc
            or lifecycle != c.lifecycle
        ):
            self._changed(c, found, self._cause(kind, cause_id, as_of))
        if c.counters is not None and left_at(c, model) <= as_of and c.cart_said != touched_at(c):
            batch, why = self._batch, self._cause(kind, cause_id, as_of)
            batch.tables.add_cart_abandoned(as_of, who(c))
            batch.messages.append(self._announcer.cart_left(c, why, self._origin(kind, as_of), model))
        if follow_up_is_due(c, model):
            why = self._cause(kind, cause_id, as_of)
            self._batch.messages += self._announcer.follow_up(c, why, self._origin(kind, as_of), model)
            note_contact(c, model)
        counted = label_and_sample(c, model)
        if counted is not None:
            self._batch.samples.update(counted)
        appointed = next_appointment(c, model)
        c.due, c.due_is_exact = appointed if appointed < due else due, True  # noqa: FURB136 - min is a call

    def _learn(self, c: Customer, as_of: int) -> None:
        """Count the outcome of an action, where it is known."""
        model, action = self._model, c.action
        came_back = outcome(c, as_of, model)
        if came_back is not None:
            group = "held_out" if is_held_out(c, model) else "treated"
            self._batch.tables.add_outcome(as_of, action_name(action, model), group, came_back)

    def compare(self, c: Customer, event: OrderEvent | InteractionEvent) -> None:
        """Say so where a figure that an event brought is unusual for the customer."""
        found = unusual(c, event, self._model)
        if found is not None:
            as_of = max(c.as_of, event.at)
            cause, origin = Cause("event", event.event_id), self._origin("event", as_of)
            self._batch.messages.append(self._announcer.anomaly(c, found, as_of, cause, origin, self._model))

    def changed(self, c: Customer, found: Assessment, event_id: str) -> None:
        """An event changed the classification; the customer is at its moment."""
        self._changed(c, found, Cause("event", event_id))

    def _changed(self, c: Customer, found: Assessment, cause: Cause) -> None:
        """Look at what is seldom looked at, say what changed, and note that on the record."""
        model, batch, was, version, as_of = self._model, self._batch, said_of(c), c.version, c.as_of
        figures, cell, matrix = None, 0, 0
        if c.n:
            figures, cell = worth(c, model), cell_of(c, model)
            matrix = matrix_of(c, model, figures, cell)
        origin = self._origin(cause.kind, as_of)
        batch.messages += self._announcer.announce(c, was, found, cell, matrix, figures, cause, origin, model)
        if c.version == version:
            return
        batch.reclassified[c.customer_id] = cause
        if c.tier != was.tier:
            batch.tables.add_move(as_of, TIER_NAMES[was.tier], TIER_NAMES[c.tier])
        if c.level > was.level and c.level >= model.warn_level:
            batch.tables.add_reasons(as_of, "warned", grounds(c, model))
            note_contact(c, model)
        if c.lifecycle != was.lifecycle:
            stages = STAGES[was.lifecycle], STAGES[c.lifecycle]
            batch.tables.add_lifecycle_move(as_of, *stages, TIER_NAMES[was.tier], was.segment)
            if stages[1] in REASON_KINDS:
                batch.tables.add_reasons(as_of, stages[1], grounds(c, model))

    def _cause(self, kind: str, cause_id: str, as_of: int) -> Cause:
        """Most looks of timers have nothing to say; what they would be called is worked out for those that do."""
        return Cause(kind, format_time(as_of) if kind == "timer" else cause_id)

    def _origin(self, kind: str, as_of: int) -> str:
        if kind == "calibration":
            return "recalibration"
        if as_of < self._seed_before:
            return "seed"
        return "timer" if kind == "timer" else "live"
