"""One customer as the report looks at them."""

from __future__ import annotations

from typing import Any, NamedTuple

from stream.scoring.clv import OrdersTable, discounted_orders, orders_table, value_at_stake
from stream.scoring.gamma_gamma import expected_spend
from stream.scoring.units import WEEK
from stream.state import ledger
from stream.state.customer import Customer
from stream.state.model import Model
from stream.state.view import describe


class Bought(NamedTuple):
    """Orders that count; times in ms."""

    first_at: int
    folded: int
    """Number of the oldest ones, of which only the sum is kept."""
    folded_until: int
    """Time of the last of those; 0 where there are none."""
    times: tuple[int, ...]
    """The others, ascending."""


class Seen(NamedTuple):
    """What the report needs of a customer with orders, at a moment."""

    customer_id: str
    tier: str
    segment: str
    abc: str
    """Empty where it is not known."""
    lifecycle: str
    """The same."""
    level: str
    r: int
    f: int
    monetary: int
    """Net revenue in the window, minor units."""
    risk: float
    reasons: tuple[str, ...]
    """Codes of the reasons that raise the risk, the heaviest first."""
    at_stake: int
    """What the horizon of the policy would bring if the customer stayed, minor units."""
    bought: Bought


class Look:
    """Looks at customers under one model.

    Parameters
    ----------
    model
        Rules that scores are described with.
    exponent
        Digits of the base currency's minor unit.
    """

    def __init__(self, model: Model, exponent: int) -> None:
        clv = model.policy.clv
        self._model, self._exponent = model, exponent
        self._table: OrdersTable = orders_table(model.calibration.alive, clv.horizon_months, clv.discount_yearly)

    def at(self, c: Customer) -> Seen:
        """The customer, who has orders, with sums at their own `as_of`."""
        view = describe(c, self._model, self._exponent)
        figures: dict[str, Any] = view["rfm"]
        churn: dict[str, Any] = view["churn"]
        return Seen(
            customer_id=c.customer_id,
            tier=view["tier"],
            segment=view["segment"],
            abc=view.get("abc", ""),
            lifecycle=view.get("lifecycle", ""),
            level=churn["level"],
            r=figures["r"],
            f=figures["f"],
            monetary=c.monetary,
            risk=churn["risk"],
            reasons=tuple(reason["code"] for reason in churn["reasons"] if reason["weight"] > 0),
            at_stake=self._at_stake(c),
            bought=bought(c),
        )

    def _at_stake(self, c: Customer) -> int:
        mean = c.monetary / c.frequency if c.frequency else 0.0
        spend = expected_spend(self._model.calibration.spend, mean, c.frequency)
        return value_at_stake(discounted_orders(self._table, c.n - 1, (c.as_of - c.first_at) / WEEK), spend)


def bought(c: Customer) -> Bought:
    """Orders of a customer that count."""
    folded = [day for day in c.folded or () if day[2]]
    times = tuple(at for index, at in enumerate(c.times) if ledger.net_at(c, index) != ledger.NOT_COUNTED)
    return Bought(c.first_at, sum(day[2] for day in folded), folded[-1][1] if folded else 0, times)
