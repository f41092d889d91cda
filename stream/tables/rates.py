"""What is worked out of the sums of a row: rates, means and scores of answers. What has no basis is None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from stream.scoring.behaviour import Funnel, funnel
from stream.scoring.satisfaction import csat_share, mean, nps

Sums = Mapping[str, int]
"""Measures of a row; those that are not split so are not there."""
Rate = Callable[[Sums], "float | None"]

_TENTHS: Final = 10
_STEPS: Final = ("viewed", "carts", "checkouts", "orders")


def ratio(part: str, whole: str) -> Rate:
    """One measure over another.

    Examples
    --------
    >>> ratio("orders", "viewed")({"orders": 1, "viewed": 4}), ratio("orders", "viewed")({"orders": 1})
    (0.25, None)
    """

    def rate(sums: Sums) -> float | None:
        whole_sum = sums.get(whole, 0)
        return sums[part] / whole_sum if whole_sum and part in sums else None

    return rate


def average_order(sums: Sums) -> int | None:
    """Minor units of an order, half to even.

    Examples
    --------
    >>> average_order({"revenue": 25, "orders": 10}), average_order({"revenue": 0, "orders": 0})
    (2, None)
    """
    if not sums["orders"]:
        return None
    return int((Decimal(sums["revenue"]) / sums["orders"]).quantize(Decimal(1), ROUND_HALF_EVEN))


def _index(name: str) -> Rate:
    return lambda sums: mean(sums[f"{name}_sum"] / _TENTHS, sums[f"{name}_answers"])


def _funnel(which: Callable[[Funnel], float | None]) -> Rate:
    def rate(sums: Sums) -> float | None:
        # Orders alone are split by category.
        return which(funnel([sums[step] for step in _STEPS])) if all(step in sums for step in _STEPS) else None

    return rate


def _share(part: int, others: int) -> float | None:
    return part / (part + others) if part + others else None


#: By table and name, as `table_names.TABLES` lists them; `answers` works out the other ones, which need other rows too.
RATES: Final[dict[str, dict[str, Rate]]] = {
    "sales": {"refunded_share": ratio("refunded", "revenue")},
    "churn": {"churn_rate": ratio("customers_lost", "at_risk"), "win_back_rate": ratio("returned", "gone")},
    "satisfaction": {
        "nps": lambda sums: nps(sums["nps_promoters"], sums["nps_passives"], sums["nps_detractors"]),
        "csat": lambda sums: csat_share(sums["csat_satisfied"], sums["csat_answers"]),
        "csat_mean": lambda sums: mean(sums["csat_sum"], sums["csat_answers"]),
        "csi": _index("csi"),
        "acsi": _index("acsi"),
    },
    "complaints": {"mean_resolve_seconds": ratio("resolve_seconds", "resolved")},
    "funnel": {
        "cart_rate": _funnel(lambda found: found.rates[0]),
        "checkout_rate": _funnel(lambda found: found.rates[1]),
        "order_rate": _funnel(lambda found: found.rates[2]),
        "conversion": _funnel(lambda found: found.overall),
    },
    "outcomes": {"came_back_rate": lambda sums: _share(sums["came_back"], sums["stayed_away"])},
}
