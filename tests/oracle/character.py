"""What a customer looks for and returns, the rule segments that follow, and the cart left behind; once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from math import lcm, sqrt
from typing import TYPE_CHECKING, Any

from tests.oracle.customer import PERIOD, PERIODS_KEPT, Customer
from tests.oracle.exact import exact, up_to_second
from tests.oracle.reading import DAY, SECOND, Details

if TYPE_CHECKING:
    from stream.scoring.policy import Policy

NEEDS = ("none", "functional", "price", "experience", "service")
CONDUCT = ("none", "watch", "high")
WEIGHT = 10**15
"""Points of the newest period weigh as much; those of older ones a whole number below it."""


class Characters:
    """The rows of the policy on needs, conduct, rule segments and carts."""

    def __init__(self, policy: Policy, returned_share: float) -> None:
        self.population = max(returned_share, policy.conduct.population_min)
        self.needs, self.bad = policy.needs, policy.conduct
        needs = policy.needs
        points = [needs.new_category, needs.repeat_category, needs.discounted, *(it for _, _, it in needs.interactions)]
        # All points are whole numbers of such units.
        self.unit = lcm(*(exact(it).denominator for it in points))
        new, repeat, self.discounted, *others = [int(exact(it) * self.unit) for it in points]
        self.by_orders = (new, repeat)
        self.points = {kind: (rank, it) for (kind, rank, _), it in zip(needs.interactions, others, strict=True)}
        self.total_min = Fraction(needs.points_min) * self.unit * WEIGHT
        self.weight = cache(self._weight)
        self._summed: dict[str, tuple[list[tuple[int, Details]], set[str], Counter[tuple[int, int]]]] = {}
        self.left_after = round(exact(policy.carts.left_after_hours) * 3_600 * SECOND)
        market = policy.market_segments
        self.ages = [(name, round(exact(days) * DAY)) for name, days in market.registration_ages]
        self.rules = [(rule.name, compile(rule.when, rule.name, "eval")) for rule in market.rules]
        self.ages_matter = any("registration_age" in rule.when for rule in market.rules)

    def need(self, customer: Customer) -> str:
        """The dominant need, given the one said."""
        policy = self.needs
        earned = [*self._of_orders(customer).items(), *self._of_interactions(customer).items()]
        newest = max((period for (period, _), points in earned if points), default=0)
        sums = [0] * len(NEEDS)
        for (period, rank), points in earned:
            sums[rank] += points * self.weight(newest - period)
        total = sum(sums)
        if total <= 0 or total < self.total_min:
            return "none"
        # Whole numbers over whole numbers: rounded once.
        shares = {name: points / total for name, points in zip(NEEDS, sums, strict=True)}
        best = max(NEEDS[1:], key=lambda name: (shares[name], -NEEDS.index(name)))
        if customer.need != "none" and shares[customer.need] + policy.margin >= shares[best]:
            return customer.need
        return best

    def _of_interactions(self, customer: Customer) -> Counter[tuple[int, int]]:
        """Points by period and rank that interactions of the periods that are kept have earned, in units."""
        newest = max((period for _, period in customer.by_period), default=0)
        earned: Counter[tuple[int, int]] = Counter()
        for (kind, period), count in customer.by_period.items():
            if kind in self.points and period > newest - PERIODS_KEPT:
                rank, points = self.points[kind]
                earned[period, rank] += count * points
        return earned

    def _of_orders(self, customer: Customer) -> Counter[tuple[int, int]]:
        """The same of orders. What the first of them earned is remembered while nothing comes in between."""
        said = customer.said_in_order
        summed, known, earned = self._summed.get(customer.id, ([], set(), Counter()))
        if said[: len(summed)] != summed:
            summed, known, earned = [], set(), Counter()
        for at, (discount, coupon, categories) in said[len(summed) :]:
            for category in categories:
                earned[at // PERIOD, 1] += self.by_orders[category in known]
            known.update(categories)
            if discount or coupon:
                earned[at // PERIOD, 2] += self.discounted
        self._summed[customer.id] = (list(said), known, earned)
        return earned

    def _weight(self, age: int) -> int:
        return round(WEIGHT * 0.5 ** (age * 30 / self.needs.half_life_days))

    def conduct(self, customer: Customer) -> str:
        """The level, given the one said: the lower end of Wilson's interval against the least share of others."""
        policy = self.bad
        n = len(customer.orders)
        returned = len(customer.orders.keys() & (customer.refunds.keys() | customer.cancelled))
        if n < policy.orders_min or returned < policy.returned_min:
            return "none"
        share, z = returned / n, policy.z
        centre = share + z * z / (2 * n)
        least = (centre - z * sqrt((share * (1 - share) + z * z / (4 * n)) / n)) / (1 + z * z / n)
        for rank, multiple in ((2, policy.high), (1, policy.watch)):
            kept = CONDUCT.index(customer.conduct) >= rank
            if least >= multiple * self.population * (1 - policy.margin if kept else 1):
                return CONDUCT[rank]
        return "none"

    def market_segments(self, customer: Customer, rfm: tuple[int, int, int] | None) -> list[str]:
        """Names of the rules that hold, in the order of the policy."""
        r, f, m = rfm or (0, 0, 0)
        age = self.age(customer, customer.as_of)
        names: Mapping[str, Any] = customer.cells | {
            "tier": customer.tier,
            "segment": customer.segment,
            "abc": customer.abc,
            "lifecycle": customer.lifecycle,
            "level": customer.level,
            "need": customer.need,
            "conduct": customer.conduct,
            "kind": customer.kind[1] if customer.kind else None,
            "region": customer.region[1] if customer.region else None,
            "registration_age": age,
            "null": None,
            "r": r,
            "f": f,
            "m": m,
        }
        return [name for name, rule in self.rules if eval(rule, {}, _Absent(names))]  # noqa: S307 - of our own policy

    def age(self, customer: Customer, as_of: int) -> str | None:
        """Class of the time since registration."""
        if customer.registered_at is None:
            return None
        reached = [name for name, start in self.ages if up_to_second(customer.registered_at + start) <= as_of]
        return reached[-1] if reached else self.ages[0][0]

    def is_older(self, customer: Customer, as_of: int) -> bool:
        """Whether the class of the time since registration is another than at the last look, and matters."""
        return self.ages_matter and self.age(customer, customer.as_of) != self.age(customer, as_of)

    def has_only_ordered(self, customer: Customer) -> bool:
        """Whether there is nothing but plain orders."""
        return not (customer.refunds or customer.cancelled or customer.recent_ids or customer.detailed)

    def touched_at(self, customer: Customer) -> int | None:
        """When the cart was last changed or a checkout begun; None where an order came since."""
        kinds = [kind for kind in ("cart.updated", "checkout.started") if kind in customer.counts]
        if not kinds:
            return None
        touched = max(customer.last_of_type[kind] for kind in kinds)
        return touched if all(at < touched for at, _ in customer.orders.values()) else None

    def left_at(self, customer: Customer) -> int | None:
        """When the cart is left behind."""
        touched = self.touched_at(customer)
        return None if touched is None else up_to_second(touched + self.left_after)

    def moments(self, customer: Customer) -> list[int]:
        """When silence may change something beside what orders say."""
        left = self.left_at(customer)
        found = [] if left is None else [left]
        if self.ages_matter and customer.registered_at is not None:
            found += [up_to_second(customer.registered_at + start) for _, start in self.ages[1:]]
        return found


class _Absent(dict[str, Any]):
    """Names of a rule: a matrix that has no cell is unknown."""

    def __missing__(self, name: str) -> None:
        return None
