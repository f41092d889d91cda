"""Was P(alive) right?  What it was a while ago, beside who has ordered since.

Whether a customer is still one cannot be seen; whether they order can. So each customer is taken back to a moment one
horizon ago, P(alive) is worked out from the orders until then, and beside the share of customers who have ordered since
stands the share that the model expects: the probability of being alive, times that of an active customer to order
within the horizon, 1 - ((alpha + T) / (alpha + T + h)) ** (r + x) under a Gamma law of rates.

Batislam, Denizel, Filiztekin (2007), International Journal of Research in Marketing 24(3), for the model.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from stream.report.seen import Bought
from stream.scoring.alive import Params, p_alive
from stream.scoring.units import WEEK

BINS: Final = 10


@dataclass(slots=True)
class AliveBin:
    """Customers whose P(alive) lay in one tenth: sums over them."""

    customers: int = 0
    alive: float = 0.0
    """Sum of P(alive)."""
    expected: float = 0.0
    """Expected number of them who order within the horizon."""
    ordered: int = 0
    """How many did."""


class AliveCurve:
    """Adds customers up by what P(alive) was one horizon ago.

    Parameters
    ----------
    params
        Of MBG/NBD, those in force now.
    horizon
        How far back, ms.
    """

    def __init__(self, params: Params, horizon: int) -> None:
        self.horizon = horizon
        self.bins = [AliveBin() for _ in range(BINS)]
        self._params = params

    def add(self, bought: Bought, as_of: int) -> None:
        """Count a customer whose first order is at least one horizon old at `as_of` (ms)."""
        then = as_of - self.horizon
        orders = bought.folded + bisect_right(bought.times, then)
        # What lies before a folded sum's end is not known order by order.
        if bought.first_at > then or bought.folded_until > then or not orders:
            return
        last_at = bought.times[orders - bought.folded - 1] if orders > bought.folded else bought.folded_until
        age = (then - bought.first_at) / WEEK
        alive = p_alive(self._params, orders - 1, (last_at - bought.first_at) / WEEK, age)
        one = self.bins[min(BINS - 1, int(alive * BINS))]
        one.customers += 1
        one.alive += alive
        one.expected += alive * orders_within(self._params, orders - 1, age, self.horizon / WEEK)
        one.ordered += orders < bought.folded + len(bought.times)


def orders_within(params: Params, repeats: int, age: float, weeks: float) -> float:
    """Probability that an active customer, so many weeks old, orders within `weeks`.

    Examples
    --------
    >>> round(orders_within(Params(0.525, 6.183, 0.891, 1.614), 2, 38.86, 8.0), 6)
    0.338206
    """
    since = params.alpha + age
    return float(1 - (since / (since + weeks)) ** (params.r + repeats))
