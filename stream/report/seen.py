"""One customer as the report looks at them."""

from __future__ import annotations

from typing import Any, NamedTuple

from stream.scoring.abc import CLASSES
from stream.state import ledger
from stream.state.customer import Customer
from stream.state.model import Model
from stream.state.view import describe
from stream.state.worth import worth

NO_CLASS = CLASSES[0]


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
    lifecycle: str
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


def look_at(c: Customer, model: Model, exponent: int) -> Seen:
    """The customer, who has orders, with sums at their own `as_of`.

    Parameters
    ----------
    model
        Rules that scores are described with.
    exponent
        Digits of the base currency's minor unit.
    """
    view = describe(c, model, exponent)
    figures: dict[str, Any] = view["rfm"]
    churn: dict[str, Any] = view["churn"]
    return Seen(
        customer_id=c.customer_id,
        tier=view["tier"],
        segment=view["segment"],
        abc=view.get("abc", NO_CLASS),
        lifecycle=view["lifecycle"],
        level=churn["level"],
        r=figures["r"],
        f=figures["f"],
        monetary=c.monetary,
        risk=churn["risk"],
        reasons=tuple(reason["code"] for reason in churn["reasons"] if reason["weight"] > 0),
        at_stake=worth(c, model).at_stake,
        bought=bought(c),
    )


def bought(c: Customer) -> Bought:
    """Orders of a customer that count."""
    folded = [day for day in c.folded or () if day[2]]
    times = tuple(at for index, at in enumerate(c.times) if ledger.net_at(c, index) != ledger.NOT_COUNTED)
    return Bought(c.first_at, sum(day[2] for day in folded), folded[-1][1] if folded else 0, times)
