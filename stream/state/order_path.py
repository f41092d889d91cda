"""The path that nearly every event takes: a new order, later than all others of its customer.

Nothing is undone or waited for then, the silence is zero, and what depends on the number of orders alone comes from
tables, as far as these reach. It does what `ledger.add_order` and `evaluation.assess` do together in a fraction of the
time, in one loop with next to no calls, and hands over every event that would need one of their other branches. A law
in ``tests/property`` holds the two equal.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from stream.contracts.events import COMPLETED, DeadLetter, Event, OrderEvent
from stream.scoring.abc import A, B, C
from stream.scoring.anomaly import GAP_MIN
from stream.scoring.churn_samples import MINUTE
from stream.scoring.units import WEEK
from stream.state.ages import next_age
from stream.state.appointments import is_in_grid, next_appointment
from stream.state.customer import TIER_NAMES, Customer
from stream.state.doings import may_be_leaving
from stream.state.evaluation import Assessment
from stream.state.ledger import leaving
from stream.state.model import Model
from stream.state.tables import HOUR, OrderCells

#: Orders of one customer in a batch, from which on the hashes of its long ledger are worth a set.
_SET_FROM: Final = 24


class _Long:
    """What a batch knows of a customer whose ledger was folded, until something but an order in turn comes to it.

    Attributes
    ----------
    leaves
        When the oldest order of the window leaves it, ms.
    looked
        How often the hashes were searched; from `_SET_FROM` on they are a set as well.
    """

    __slots__ = ("_hashes", "_keys", "leaves", "looked")

    def __init__(self, leaves: int, hashes: bytearray) -> None:
        self.leaves: float = leaves
        self.looked = 0
        self._hashes = hashes
        self._keys: set[bytes] = set()

    def is_new(self, key: bytes) -> bool:
        """Whether a hash, which is about to be added, is not among the others; a false no is possible."""
        if self.looked < _SET_FROM:
            self.looked += 1
            return self._hashes.find(key) < 0
        if not self._keys:
            hashes = bytes(self._hashes)
            self._keys = {hashes[at : at + 8] for at in range(0, len(hashes), 8)}
        if key in self._keys:
            return False
        self._keys.add(key)
        return True


@dataclass(frozen=True, slots=True)
class Rest:
    """What the path leaves to the shard it works for.

    Attributes
    ----------
    take_up
        Called with each customer that this batch comes to for the first time.
    before
        Brings a customer to the present rules, and applies what silence made true before a moment.
    changed
        Says that an order changed the classification: to which, and the event's id.
    compare
        Says so where a figure that an order brought is unusual for the customer.
    careful
        Applies an event of any kind, given the clock; gives the clock after it.
    """

    take_up: Callable[[Customer], None]
    before: Callable[[Customer, int], None]
    changed: Callable[[Customer, Assessment, str], None]
    compare: Callable[[Customer, OrderEvent], None]
    careful: Callable[[Event | DeadLetter, int], int]


def apply_in_order(  # noqa: C901, PLR0912, PLR0915 - one loop, since a call costs as much as most of its steps
    events: Iterable[tuple[Event | DeadLetter, int]],
    clock: int,
    model: Model,
    orders_max: int,
    customers: Mapping[str, Customer],
    batch: int,
    cells: OrderCells,
    rest: Rest,
) -> tuple[int, int]:
    """Apply events in the order given: plain orders here, all others by `rest`.

    Parameters
    ----------
    events
        Decoded events and dead letters, each with the clock that the events before it had reached elsewhere.
    clock
        Greatest `occurred_at` so far, ms.
    model
        The rules.
    orders_max
        Entries a ledger may hold.
    customers
        Customers in memory; those of the events are among them.
    batch
        Number of this batch; a customer knows the last one that came to it.
    cells
        Rolling tables of orders that the batch adds to, see `tables.TableDeltas.orders`.
    rest
        Does what is not plain.

    Returns
    -------
    Orders applied here, and the clock after the last event.
    """
    take_up, before, changed, careful = rest.take_up, rest.before, rest.changed, rest.careful
    compare, unusual_from = rest.compare, model.policy.anomaly.orders_min
    fingerprint, window, alpha, min_stay = model.fingerprint, model.window, model.alpha, model.min_stay
    raw_tiers, segments, monetary_edges = model.raw_tiers, model.segments, model.monetary_edges
    abc_cuts, stages, tenure_cuts = model.abc_cuts, model.lifecycle.table, model.lifecycle.tenure_ms
    said_stride, tenure_stride = model.said_stride, model.tenure_stride
    fresh_cells, fresh_levels, fresh_age = model.fresh_cells, model.fresh_levels, model.fresh_age
    fresh_gap, gap_min, rhythm_from = model.fresh_gap, model.gap_min, model.rhythm_orders_min - 1
    entries_max = min(orders_max, model.tabled_orders)
    cells_tabled, levels_tabled = len(fresh_cells), 0 if model.rhythm_weight else len(fresh_levels)
    longs: dict[str, _Long] = {}
    applied = 0
    due: float
    for event, reached in events:
        if reached > clock:  # noqa: PLR1730 - so here, and below: max and min are calls
            clock = reached
        if event.__class__ is not OrderEvent or event.kind != COMPLETED or event.details is not None:
            if not isinstance(event, DeadLetter):
                longs.pop(event.customer, None)
            clock = careful(event, clock)
            continue
        at = event.at
        c = customers[event.customer]
        if c.batch != batch:
            c.batch = batch
            take_up(c)
        if c.due < at or c.fingerprint != fingerprint:
            longs.pop(event.customer, None)
            before(c, at)
        times = c.times
        entries = n = len(times)
        folded = c.folded is not None
        if (
            at < c.as_of
            or entries >= (orders_max if folded else entries_max)
            or c.refunds is not None
            or c.tickets is not None
            or c.nps_score >= 0
            or c.action
            or (c.counters is not None and may_be_leaving(c, model))
            or (c.registered_at and c.due <= at)
            or (at % MINUTE == 0 and is_in_grid(c, at, model))
        ):
            longs.pop(event.customer, None)
            clock = careful(event, clock)
            continue
        key = event.order.to_bytes(8, "little")
        if folded:
            n = c.n
            long = longs.get(event.customer)
            if long is None:
                long = longs[event.customer] = _Long(leaving(c, c.as_of, window), c.hashes)
            if not n or not entries or at <= times[-1] or long.leaves <= at or not long.is_new(key):
                del longs[event.customer]
                clock = careful(event, clock)
                continue
            first_at = c.first_at
            due = long.leaves = min(long.leaves, at + window)
        elif n:
            # A byte pattern that is found anywhere may be the same order; the careful path tells.
            if at <= times[-1] or c.hashes.rfind(key) >= 0:
                clock = careful(event, clock)
                continue
            first_at = times[0]
            index = c.window_from
            due = (times[index] if index < n else at) + window
            if due <= at:
                clock = careful(event, clock)
                continue
        else:
            c.first_at = first_at = at
            due = at + window
        if at > clock:  # noqa: PLR1730
            clock = at
        applied += 1

        amount, was = event.amount, c.tier
        times.append(at)
        c.gross.append(amount)
        c.hashes += key
        c.n = n + 1
        c.last_at = c.as_of = at
        frequency = c.frequency = c.frequency + 1
        monetary = c.monetary = c.monetary + amount
        region = c.region
        slot = (at // HOUR, event.channel, TIER_NAMES[was], c.segment, "" if region is None else region[2])
        sums = cells.get(slot)
        if sums is None:
            # Nothing was taken back: who has no tier has no order yet.
            cells[slot] = [1, amount, not was]
        else:
            sums[0] += 1
            sums[1] += amount
            sums[2] += not was

        if fresh_age < due - at:
            due = at + fresh_age
        standing = fresh_cells[frequency] if frequency < cells_tabled else model.fresh_cell(frequency)
        cell = standing + bisect_right(monetary_edges, monetary)
        tier = raw_tiers[was][cell]
        if tier < was:
            stays_until = c.tier_since + min_stay
            if at < stays_until:
                tier = was
                if stays_until < due:  # noqa: PLR1730
                    due = stays_until
        span = at - first_at
        if span and n >= rhythm_from:
            usual = span / n
            step = at + fresh_gap * (usual if usual > gap_min else gap_min)  # noqa: FURB136
            if step < due:  # noqa: PLR1730
                due = step
        level, growth, place = fresh_levels[n] if n < levels_tabled else model.fresh_level(n, span)
        crossing = first_at + ((alpha + span / WEEK) * growth - alpha) * WEEK
        if crossing < due:  # noqa: PLR1730
            due = crossing
        if c.registered_at:
            due = min(due, next_age(c, at, model))
        moment = ceil(due / 1000) * 1000
        # Where rounding puts a crossing behind us, it is in the next second.
        c.due = moment if moment > at else (at // 1000 + 1) * 1000
        c.due_is_exact = True
        b_from, a_from = abc_cuts[c.abc]
        abc = A if monetary >= a_from else B if monetary >= b_from else C
        place += (2 * c.lifecycle + (at > c.lifecycle_since)) * said_stride
        stage = stages[place + bisect_right(tenure_cuts, span) * tenure_stride]
        segment = segments[cell]
        if tier != was or segment != c.segment or level != c.level or abc != c.abc or stage != c.lifecycle:
            changed(c, Assessment(tier, segment, level, abc, stage, c.due), event.event_id)
        appointed = next_appointment(c, model)
        c.due = min(c.due, appointed)
        # Most orders are as small as the one before and come within a day, so that nothing about them is unusual.
        if n >= unusual_from and (amount > c.gross[-2] or at - times[-2] > GAP_MIN):
            compare(c, event)
    return applied, clock
