"""A life: what one customer is like, and what follows from it.

The orders are those of the MBG/NBD model: intervals are exponential at a personal rate, and after each order, the first
one too, the customer leaves with a personal probability. On top of it complaints make some leave: what no model of
order times can know beforehand, and evidence from interactions can.

Batislam, Denizel, Filiztekin (2007), International Journal of Research in Marketing 24(3); Fader, Hardie, Lee (2005),
"RFM and CLV: using iso-value curves for customer base analysis", Journal of Marketing Research 42(4), for the spend.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

import msgspec

from stream.contracts.times import DAY, WEEK
from stream.simulate.habits import ENTERPRISE_SHARE, HABITS, REGIONS
from stream.simulate.spec import Spec

Cause = Literal["silent", "complaint"]
"""Why a customer left."""

HOUR = 3_600_000
FIRST_ORDER_HOURS = 2.0
"""From registration to the first order, on average."""
COMPLAINT_DAYS_MAX = 5
"""A complaint comes within so many days of its order, and before the next one."""
RESOLVED_DAYS = 3.0
"""From a complaint to its end, on average."""
RESOLVED_SHARE = 0.85
LAST_WORD = HOUR
"""Who leaves over a complaint answers questions for so long, ms."""
RATE_MIN = 1e-6
"""Orders a week of the slowest customer: a draw of 0 would wait for ever."""
CONTENT_AFTER_COMPLAINT = 0.6
"""What is left of a customer's content with each complaint."""


class Complaint(NamedTuple):
    """A complaint about an order; `resolved_at` is None where nobody ever answered. Times in ms."""

    opened_at: int
    resolved_at: int | None


class Truth(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a simulated customer, and can only be estimated of a real one."""

    customer_id: str
    joined_at: int
    """Registration, ms."""
    rate_per_week: float
    """Orders a week while the customer stays; 0 of one who never orders."""
    leaves_after_order: float
    """Probability of leaving silently after each order."""
    spend_minor: float
    """Expected amount of an order, minor units, before refunds."""
    need: str
    kind: str
    region: str
    content: float
    """How content the customer is to begin with, 0 to 1."""
    orders: int
    dropout_at: int | None = None
    """When the customer left, ms; absent for one who is still there at the end."""
    cause: Cause | None = None


@dataclass(slots=True)
class Life:
    """One customer.

    Attributes
    ----------
    truth
        What they are like, and when they left.
    nu
        Scale of their orders: an amount is Gamma(p, nu).
    orders
        Times of the orders, ms, ascending.
    complaints
        Index of an order to the complaint about it.
    """

    truth: Truth
    nu: float
    orders: list[int] = field(default_factory=list)
    complaints: dict[int, Complaint] = field(default_factory=dict)


def live(spec: Spec, seed: int, number: int) -> Life:
    """The life of customer `number`: the same for a seed, however many others there are.

    Examples
    --------
    >>> life = live(Spec(), 1, 0)
    >>> life.truth.customer_id, len(life.orders) == life.truth.orders, life == live(Spec(customers=5), 1, 0)
    ('s0', True, True)
    """
    rng = Random(f"{seed}/{number}")
    joined_at = spec.start + int(rng.random() * spec.joining * (spec.end - spec.start))
    need = rng.choices(list(HABITS), [habits.share for habits in HABITS.values()])[0]
    leaves = rng.betavariate(*spec.leaving)
    nu = rng.gammavariate(spec.spend.q, 1 / spec.spend.v)
    rate = max(RATE_MIN, rng.gammavariate(spec.rates.r, 1 / spec.rates.alpha))
    # Who is inclined to leave is less content: answers then tell something of those who leave silently too.
    content = (1 - leaves) ** 3 * rng.betavariate(8, 2)
    kind = "enterprise" if rng.random() < ENTERPRISE_SHARE else "individual"
    region = rng.choice(REGIONS)
    orders: list[int] = []
    complaints: dict[int, Complaint] = {}
    dropout_at: int | None = None
    cause: Cause | None = None
    if rng.random() < spec.prospects:
        rate = 0.0
    else:
        at = joined_at + 1 + int(rng.expovariate(1 / (FIRST_ORDER_HOURS * HOUR)))
        while at < spec.end:
            orders.append(at)
            if rng.random() < leaves:
                dropout_at, cause = at, "silent"
                break
            gap = 1 + int(rng.expovariate(rate) * WEEK)
            if rng.random() < HABITS[need].complains:
                opened_at = at + int(rng.uniform(0.1, 0.9) * min(gap, COMPLAINT_DAYS_MAX * DAY))
                leaving = rng.random() < spec.complaint_leaves
                resolved_at = opened_at + LAST_WORD + int(rng.expovariate(1 / (RESOLVED_DAYS * DAY)))
                answered = rng.random() < RESOLVED_SHARE
                if opened_at + LAST_WORD < spec.end:
                    complaints[len(orders) - 1] = Complaint(opened_at, resolved_at if answered else None)
                    if leaving:
                        dropout_at, cause = opened_at + LAST_WORD, "complaint"
                        break
            at += gap
    truth = Truth(
        customer_id=f"s{number}",
        joined_at=joined_at,
        rate_per_week=rate,
        leaves_after_order=leaves,
        spend_minor=spec.spend.p / nu,
        need=need,
        kind=kind,
        region=region,
        content=content,
        orders=len(orders),
        dropout_at=dropout_at,
        cause=cause,
    )
    return Life(truth, nu, orders, complaints)
