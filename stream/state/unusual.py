"""Figures of a customer that are far from what is usual for that customer.

They are looked at when an event brings a new one: an order its value and the gap before it, a refund the
share of returned orders of that period, the first visit of a period the number of visits of the one before.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from stream.contracts.events import COMPLETED, InteractionEvent, OrderEvent
from stream.scoring import visits
from stream.scoring.anomaly import (
    GAP,
    ORDER_VALUE,
    REFUND_SHARE,
    VISIT_RATE,
    Anomaly,
    AnomalyPolicy,
    OrderFacts,
    gaps,
    judge,
    refund_shares,
    visit_rates,
)
from stream.scoring.periods import key_of, period_of
from stream.state import ledger
from stream.state.customer import Customer
from stream.state.interactions import TYPE_CODES
from stream.state.ledger import NOT_COUNTED
from stream.state.model import Model

_VISITS = visits.compile_visits(TYPE_CODES)


def unusual(c: Customer, event: OrderEvent | InteractionEvent, model: Model) -> Anomaly | None:
    """The most unusual of the figures that a new event brought; None where all are usual, or too little is known."""
    policy = model.policy.anomaly
    if isinstance(event, InteractionEvent):
        return _visit_rate(c, event, policy) if TYPE_CODES[event.type] in _VISITS else None
    if event.kind != COMPLETED:
        return _refund_share(c, event, policy)
    return _order(c, event, policy)


def histories(c: Customer, model: Model) -> dict[str, list[float]]:
    """The figures that the next one of each measure would be held against, oldest first; at the customer's `as_of`.

    Refunds have them where there was any, visits where anything was done.
    """
    policy, found = model.policy.anomaly, dict[str, list[float]]()
    if c.times:
        counted = [k for k in range(len(c.times)) if ledger.net_at(c, k) != NOT_COUNTED]
        found[ORDER_VALUE.name] = [ledger.net_at(c, k) for k in counted]
        found[GAP.name] = [*gaps([c.times[k] for k in counted])]
    if c.refunds is not None:
        now = period_of(c.as_of)
        shares = refund_shares(policy, (one for one in _facts(c, c.refunds) if period_of(one.at) < now))
        found[REFUND_SHARE.name] = [*shares.values()]
    if c.activity is not None:
        found[VISIT_RATE.name] = [*visit_rates(visits.by_period(_VISITS, c.activity.periods), c.as_of)]
    return {name: history[-policy.history_max :] for name, history in found.items()}


def _order(c: Customer, event: OrderEvent, policy: AnomalyPolicy) -> Anomaly | None:
    key = event.order.to_bytes(8, "little")
    index = len(c.times) - 1 if c.hashes.endswith(key) else ledger.find(c, key)
    if index < policy.orders_min:
        return None
    # One figure more, to judge the last by; and a gap takes one order more than a value.
    known = policy.history_max + 2
    values: Sequence[int]
    moments: Sequence[int]
    if c.refunds is None:
        if _is_plainly_usual(c.gross, c.times, index, policy.history_max):
            return None
        start = max(0, index - known)
        value, values, moments = c.gross[index], c.gross[start:index], c.times[start:index]
    else:
        value = ledger.net_at(c, index)
        if value == NOT_COUNTED:
            return None
        values, moments = _counted(c, c.refunds, index, known)
        if not moments:
            return None
    dear = judge(policy, ORDER_VALUE, values, value)
    gap, long = c.times[index] - moments[-1], None
    if not _has_been(moments, len(moments), max(gap, GAP.lowest), policy.history_max):
        long = judge(policy, GAP, gaps(moments), gap)
    return None if dear is None and long is None else _most((dear, long))


def _is_plainly_usual(values: Sequence[int], moments: Sequence[int], index: int, most: int) -> bool:
    """Whether one of the latest orders before a place was as dear, and one of the latest gaps as long, or all short."""
    gap, value = moments[index] - moments[index - 1], values[index]
    if value > values[index - 1] and value > max(values[max(0, index - most) : index]):
        return False
    # No gap is taken as shorter, so none of that length is far from the others.
    return gap <= GAP.lowest or _has_been(moments, index, gap, most)


def _counted(c: Customer, refunds: Mapping[int, dict[int, int]], end: int, most: int) -> tuple[list[int], list[int]]:
    """Net amounts and times of the latest orders that count before a place in the ledger, at most so many."""
    values: list[int] = []
    moments: list[int] = []
    gross, times, hashes = c.gross, c.times, memoryview(c.hashes).cast("Q")
    for at in range(end - 1, -1, -1):
        taken_back = refunds.get(hashes[at])
        net = gross[at] if taken_back is None else ledger.net_of(gross[at], taken_back)
        if net != NOT_COUNTED:
            values.append(net)
            moments.append(times[at])
            if len(values) == most:
                break
    return values[::-1], moments[::-1]


def _has_been(moments: Sequence[int], end: int, gap: float, most: int) -> bool:
    """Whether one of the latest gaps before a place is as long; most often one of the last few is, and no more are
    looked at.
    """
    for at in range(end - 1, max(0, end - 1 - most), -1):  # noqa: SIM110 - a generator costs more than what it gives
        if moments[at] - moments[at - 1] >= gap:
            return True
    return False


def _refund_share(c: Customer, event: OrderEvent, policy: AnomalyPolicy) -> Anomaly | None:
    """Only of the refund with which the share becomes unusual; further ones of the same period say nothing new."""
    index = ledger.find(c, event.order.to_bytes(8, "little"))
    if index < 0 or c.refunds is None or len(c.refunds[event.order]) > 1:
        return None
    period = period_of(c.times[index])
    facts = _facts(c, c.refunds)
    shares = refund_shares(policy, (one for one in facts if period_of(one.at) <= period))
    share = shares.pop(period, None)
    if share is None:
        return None
    history = list(shares.values())
    of_period = [one.returned for one in facts if period_of(one.at) == period]
    # Counted anew: four fifths less one fifth is more than three fifths in binary.
    if judge(policy, REFUND_SHARE, history, (sum(of_period) - 1) / len(of_period)) is not None:
        return None
    return judge(policy, REFUND_SHARE, history, share)


def _facts(c: Customer, refunds: Container[int]) -> list[OrderFacts]:
    orders = memoryview(c.hashes).cast("Q")
    return [OrderFacts(at, order in refunds) for at, order in zip(c.times, orders, strict=True)]


def _visit_rate(c: Customer, event: InteractionEvent, policy: AnomalyPolicy) -> Anomaly | None:
    """Of the period before, at the first visit of one."""
    # Where it is not the first of its kind, it is not the first of all.
    if c.activity is None or c.activity.periods.get(key_of(period_of(event.at), TYPE_CODES[event.type])) != 1:
        return None
    by_period = visits.by_period(_VISITS, c.activity.periods)
    if by_period.get(period_of(event.at)) != 1:
        return None
    rates = visit_rates(by_period, event.at)
    return judge(policy, VISIT_RATE, rates[:-1], rates[-1]) if rates else None


def _most(found: Iterable[Anomaly | None]) -> Anomaly | None:
    return max((one for one in found if one is not None), key=lambda one: abs(one.z), default=None)
