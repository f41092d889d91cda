"""Is this unlike the customer?  A figure against the usual range of their own earlier ones.

Each figure is compared with the median of the customer's last ones, in units of their spread: the median absolute
deviation (MAD) times 1.4826, which for a normal distribution is its standard deviation. Median and MAD do not move
for a few wild values, so an anomaly does not hide the next one. The comparison is made on the scale where the
figure is closest to even: logarithms for amounts and gaps (twice and half are equally far), square roots for
counts, shares as they are. A spread is never taken as smaller than the policy's, or whoever always pays the same
would be an anomaly for a cent.

A figure is judged against earlier ones only, so the answer does not change with what comes later in time. And it is
said once: it must lie beyond every one of those looked back at, and the figure just before it must not have been far
out on the same side. What has been there lately is not unusual, however far from the median; whoever stays at a new
level is told of when they come to it.

References
----------
Iglewicz, Hoaglin (1993), "How to detect and handle outliers", ASQC Quality Press: the modified z-score, and 3.5 as
its usual limit.

Bartlett (1936), "The square root transformation in analysis of variance", Supplement to the Journal of the Royal
Statistical Society 3(1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt
from statistics import median
from typing import Final, NamedTuple

from stream.scoring.periods import period_of
from stream.scoring.table_reader import TableReader
from stream.scoring.units import DAY

MAD_TO_DEVIATION: Final = 1.4826
"""Standard deviations in one median absolute deviation, for a normal distribution: 1 / Phi^-1(3/4)."""

GAP_MIN: Final = DAY
"""Milliseconds; no gap is taken as shorter: a second purchase on the same day says nothing, and the logarithm of two
orders in one breath has no bottom."""


VALUE_MIN: Final = 1
"""Minor units; no order is taken as smaller: nothing has no logarithm."""

_EXPONENT_MAX: Final = 600.0
"""Ratios beyond e to this are taken as this: nothing that is measured reaches it."""
_ROUNDING: Final = 1e-9
"""A ratio that is this much smaller is surely below what logarithms, medians and spreads round to."""


class Measure(NamedTuple):
    """A figure that is watched, and the scale it is compared on."""

    name: str
    lowest: float
    """What is below is taken as this."""
    highest: float
    """No usual range goes beyond."""
    scale: Callable[[float], float]
    back: Callable[[float], float]
    """The inverse of `scale`."""
    low: bool
    """Whether it is told of where it is low: a small order or a short gap is no news."""
    by_orders: bool
    """Whether there is one for each order; else one for each period."""


def _square(root: float) -> float:
    return root * root if root > 0 else 0.0


ORDER_VALUE: Final = Measure("order_value", VALUE_MIN, float("inf"), log, exp, low=False, by_orders=True)
"""Minor units."""
GAP: Final = Measure("gap", GAP_MIN, float("inf"), log, exp, low=False, by_orders=True)
"""Milliseconds from one order to the next."""
REFUND_SHARE: Final = Measure("refund_share", 0.0, 1.0, float, float, low=True, by_orders=False)
"""Share of a period's orders that were refunded or cancelled."""
VISIT_RATE: Final = Measure("visit_rate", 0.0, float("inf"), sqrt, _square, low=True, by_orders=False)
"""Visits of a period."""

MEASURES: Final = {one.name: one for one in (ORDER_VALUE, GAP, REFUND_SHARE, VISIT_RATE)}


@dataclass(frozen=True, slots=True)
class AnomalyPolicy:
    """How far is far, and how much history it takes to say so."""

    z: float
    """Spreads from the median beyond which a figure is an anomaly."""
    orders_min: int
    """Earlier figures it takes where there is one for each order."""
    periods_min: int
    """Earlier figures it takes where there is one for each period."""
    history_max: int
    """Figures that are looked back at, the latest."""
    refund_orders_min: int
    """Orders a period needs to have a share of refunded ones."""
    spread_min: tuple[tuple[str, float], ...]
    """(measure, least spread on its scale) for each of `MEASURES`."""


class Usual(NamedTuple):
    """The usual range of a figure, in its own unit."""

    low: float
    middle: float
    high: float
    seen: int
    """Earlier figures it is drawn from."""


class Anomaly(NamedTuple):
    """A figure that is out of its usual range."""

    measure: str
    value: float
    z: float
    """Spreads from the median; below 0 where the figure is low."""
    usual: Usual


class OrderFacts(NamedTuple):
    """What is read of an order, whether it counts or not."""

    at: int
    """Milliseconds."""
    returned: bool
    """Refunded, in part or whole, or cancelled."""


def read(reader: TableReader) -> AnomalyPolicy:
    """Read the section ``[anomaly]``."""
    spreads = reader.table("spread_min")
    orders_min = reader.integer("orders_min", minimum=3, maximum=1_000)
    periods_min = reader.integer("periods_min", minimum=3, maximum=1_000)
    policy = AnomalyPolicy(
        z=reader.number("z", above=0, maximum=1_000),
        orders_min=orders_min,
        periods_min=periods_min,
        history_max=reader.integer("history_max", minimum=max(orders_min, periods_min), maximum=1_000),
        refund_orders_min=reader.integer("refund_orders_min", minimum=1, maximum=1_000),
        spread_min=tuple((name, spreads.number(name, above=0)) for name in MEASURES),
    )
    for table in (spreads, reader):
        table.done()
    return policy


def judge(policy: AnomalyPolicy, measure: Measure, history: Sequence[float], value: float) -> Anomaly | None:
    """The anomaly that a figure is; none where it is usual, or there is too little history.

    Parameters
    ----------
    history
        Earlier figures, oldest first; of them the latest `history_max` count, and one more to judge the last by.
    value
        The figure to be judged, in the measure's unit.

    Examples
    --------
    Ten orders of 18.00 to 22.00, then one of 200.00:

    >>> from stream.scoring.policy import default_policy
    >>> spent = [2000, 1800, 2200, 2100, 1900, 2000, 2000, 1900, 2100, 2000]
    >>> found = judge(default_policy().anomaly, ORDER_VALUE, spent, 20_000)
    >>> round(found.z, 1), round(found.usual.low), round(found.usual.high)
    (7.7, 602, 6640)
    >>> judge(default_policy().anomaly, ORDER_VALUE, spent, 5_000) is None
    True
    """
    latest = history[-policy.history_max :]
    figure = max(value, measure.lowest)
    if len(latest) < _least(policy, measure) or (figure <= max(latest) and (not measure.low or figure >= min(latest))):
        return None
    found = _centre(policy, measure, latest)
    assert found is not None
    middle, spread, count = found
    z = (measure.scale(figure) - middle) / spread
    if abs(z) <= policy.z:
        return None
    before = _centre(policy, measure, history[-policy.history_max - 1 : -1])
    if before is not None:
        z_before = (measure.scale(max(history[-1], measure.lowest)) - before[0]) / before[1]
        if abs(z_before) > policy.z and (z_before > 0) == (z > 0):
            return None
    return Anomaly(measure.name, value, z, _range(policy, measure, middle, spread, count))


def usual(policy: AnomalyPolicy, measure: Measure, history: Sequence[float]) -> Usual | None:
    """Range in which the next figure is no anomaly; none with too little history. Arguments as in `judge`.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> usual(default_policy().anomaly, REFUND_SHARE, [0.0, 0.0, 0.25, 0.0, 0.0])
    Usual(low=0.0, middle=0.0, high=0.6, seen=5)
    """
    found = _centre(policy, measure, history)
    return None if found is None else _range(policy, measure, *found)


def ratio_min(policy: AnomalyPolicy, measure: Measure) -> float:
    """How many times the median an anomaly is at the least, of a measure that is compared by logarithms.

    So at least half of those looked back at are at most the figure divided by it: most figures are known to be usual
    without a logarithm. It is a little less than it is by calculation, so that rounding never makes it too great.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> round(ratio_min(default_policy().anomaly, ORDER_VALUE), 6)
    3.320117
    """
    exponent = policy.z * dict(policy.spread_min)[measure.name]
    return exp(min(exponent, _EXPONENT_MAX)) * (1 - _ROUNDING)


def gaps(moments: Sequence[int]) -> list[int]:
    """Milliseconds from each moment to the next.

    Parameters
    ----------
    moments
        Times of the orders that count, rising.

    Examples
    --------
    >>> gaps([1, 4, 4])
    [3, 0]
    """
    return [later - earlier for earlier, later in pairwise(moments)]


def refund_shares(policy: AnomalyPolicy, orders: Iterable[OrderFacts]) -> dict[int, float]:
    """Share of orders that were refunded or cancelled, for each period with enough orders, in order of time.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> refund_shares(default_policy().anomaly, [OrderFacts(1, False), OrderFacts(2, True), OrderFacts(3, False)])
    {0: 0.3333333333333333}
    """
    counts: dict[int, tuple[int, int]] = {}
    for order in orders:
        period = period_of(order.at)
        placed, returned = counts.get(period, (0, 0))
        counts[period] = (placed + 1, returned + order.returned)
    return {
        period: returned / placed
        for period, (placed, returned) in sorted(counts.items())
        if placed >= policy.refund_orders_min
    }


def visit_rates(visits: Mapping[int, int], as_of: int) -> list[int]:
    """Visits of each full period from the first with a visit to the last before `as_of`, zeros among them.

    Parameters
    ----------
    visits
        Visits by period (see `visits.by_period`).

    Examples
    --------
    >>> from stream.scoring.periods import PERIOD
    >>> visit_rates({3: 7, 5: 2, 6: 9}, 6 * PERIOD + 1)
    [7, 0, 2]
    """
    first = min((period for period, count in visits.items() if count), default=None)
    return [] if first is None else [visits.get(period, 0) for period in range(first, period_of(as_of))]


def _centre(policy: AnomalyPolicy, measure: Measure, history: Sequence[float]) -> tuple[float, float, int] | None:
    """Median and spread on the measure's scale, and of how many figures."""
    scaled = [measure.scale(max(value, measure.lowest)) for value in history[-policy.history_max :]]
    if len(scaled) < _least(policy, measure):
        return None
    middle = median(scaled)
    spread = MAD_TO_DEVIATION * median(abs(value - middle) for value in scaled)
    return middle, max(spread, dict(policy.spread_min)[measure.name]), len(scaled)


def _least(policy: AnomalyPolicy, measure: Measure) -> int:
    """Earlier figures that it takes."""
    return policy.orders_min if measure.by_orders else policy.periods_min


def _range(policy: AnomalyPolicy, measure: Measure, middle: float, spread: float, count: int) -> Usual:
    reach = policy.z * spread
    low, centre, high = (measure.back(at) for at in (middle - reach, middle, middle + reach))
    return Usual(max(low, measure.lowest), centre, min(high, measure.highest), count)
