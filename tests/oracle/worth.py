"""What a customer is worth, once more: loyalty, lifetime value, profit."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache, lru_cache
from itertools import pairwise
from math import exp, expm1, isfinite, log, log1p, sqrt
from typing import TYPE_CHECKING, NamedTuple

from scipy.integrate import quad
from scipy.special import beta, hyp2f1

from tests.oracle.customer import PERIOD, Customer
from tests.oracle.exact import reached
from tests.oracle.reading import DAY, WEEK

if TYPE_CHECKING:
    from stream.scoring.alive import Params
    from stream.scoring.calibration import Calibration
    from stream.scoring.policy import Policy

KNOTS_PER_UNIT = 4
REPEATS_TABLED = 100_000
AGE_TABLED = 5_200


class Worth(NamedTuple):
    """Figures at one moment; money in minor units."""

    loyalty: float
    clv: int
    at_stake: int
    profit: int


class Worths:
    """Policy and calibration, put to what a customer bought."""

    def __init__(self, policy: Policy, calibration: Calibration, window: int) -> None:
        self.window = window
        self.weights = policy.loyalty.weights
        self.alive = calibration.alive
        self.spend = calibration.spend
        self.months = policy.clv.horizon_months
        self.discount = policy.clv.discount_yearly
        self.costs = policy.profitability
        self.knot = cache(self._knot)
        # As many knots as cover all of it.
        self.rows = 1 + -int(-log(1 + REPEATS_TABLED) * KNOTS_PER_UNIT // 1)
        self.columns = max(4, 1 + -int(-log(1 + AGE_TABLED / self.alive.alpha) * KNOTS_PER_UNIT // 1))

    def of(self, customer: Customer, as_of: int, gone: float) -> Worth:
        """All figures of a customer with orders; `gone`: log-odds of being gone."""
        bought = customer.window(as_of, self.window)
        orders = self.discounted(customer.n - 1, (as_of - customer.first_at) / WEEK)
        revenue = sum(net for _, net in bought)
        spend = self.expected_spend(len(bought), revenue)
        alive = 1 / (1 + exp(gone)) if gone < 700 else 0.0
        return Worth(
            self.loyalty([at for at, _ in customer.counted], as_of),
            round(alive * orders * spend),
            round(orders * spend),
            self.profit(customer, as_of, revenue),
        )

    def loyalty(self, times: list[int], as_of: int) -> float:
        """Weighted mean of the four parts, 0 to 100."""
        gaps = [after - before for before, after in pairwise(times)]
        regularity = 0.0
        if len(gaps) > 1 and any(gaps):
            mean = sum(gaps) / len(gaps)
            regularity = 1 / (1 + sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean)
        periods = {(at - times[0]) // PERIOD for at in times}
        parts = (
            len(gaps) / len(times),
            min(1.0, (times[-1] - times[0]) / (365 * DAY)),
            regularity,
            len(periods) / ((as_of - times[0]) // PERIOD + 1),
        )
        weighed = sum(weight * part for weight, part in zip(self.weights, parts, strict=True))
        return 100 * weighed / sum(self.weights)

    def expected_spend(self, orders: int, revenue: int) -> float:
        """Gamma-Gamma: between the population's mean and the customer's own."""
        p, q, v = self.spend.p, self.spend.q, self.spend.v_minor
        population = v * p / (q - 1)
        if not orders:
            return population
        weight = p * orders / (p * orders + q - 1)
        return (1 - weight) * population + weight * revenue / orders

    def profit(self, customer: Customer, as_of: int, revenue: int) -> int:
        """Margin less costs; `round` of a fraction is half to even."""
        start = as_of - self.window
        return (
            round(revenue * Fraction(self.costs.margin_basis_points, 10_000))
            - customer.discounts(start)
            - customer.returns(start) * self.costs.return_cost_minor
            - customer.contacts(start) * self.costs.contact_cost_minor
        )

    # -- expected orders ------------------------------------------------------------------------------------------

    def discounted(self, repeats: int, age: float) -> float:
        """Discounted orders to come of one who is active, between knots by the cubic through four of them each way."""
        r, alpha, _, _ = self.alive
        down = min(log(1 + repeats) * KNOTS_PER_UNIT, self.rows - 1)
        across = min(log(1 + age / alpha) * KNOTS_PER_UNIT, self.columns - 1)
        row = min(max(int(down), 1), self.rows - 3)
        column = min(max(int(across), 1), self.columns - 3)
        by_repeats = [cubic(down - row, i) for i in range(-1, 3)]
        by_age = [cubic(across - column, j) for j in range(-1, 3)]
        found = 0.0
        for i, one in enumerate(by_repeats, row - 1):
            for j, other in enumerate(by_age, column - 1):
                found += one * other * self.knot(i, j)
        return found * (r + repeats) / (alpha + age)

    def _knot(self, row: int, column: int) -> float:
        r, alpha, _, _ = self.alive
        repeats, age = exp(row / KNOTS_PER_UNIT) - 1, alpha * (exp(column / KNOTS_PER_UNIT) - 1)
        return self.exact_orders(repeats, age) * (alpha + age) / (r + repeats)

    def exact_orders(self, repeats: float, age: float) -> float:
        """The sum over the months of the horizon, each discounted to its end; MBG/NBD's conditional expectation."""
        total = before = 0.0
        for month in range(1, self.months + 1):
            orders = _orders(self.alive, repeats, age, month * 365 / 84)
            total += (orders - before) / (1 + self.discount) ** (month / 12)
            before = orders
        return total


@lru_cache(maxsize=100_000)  # laws ask thousands of oracles, all for the same knots
def _orders(model: Params, x: float, t: float, ahead: float) -> float:
    r, alpha, a, b = model
    if abs(a - 1) < 1e-6:
        a = 1 + 1e-6
    z = ahead / (alpha + t + ahead)
    series = hyp2f1(r + x, b + x + 1, a + b + x, z)
    if isfinite(series):
        return float((a + b + x) / (a - 1) * (1 - (1 - z) ** (r + x) * series))
    # Too many orders for the closed form: the mean over the inclination p to leave after an order.

    def of(log_p: float) -> float:
        p = exp(log_p)
        return exp(a * log_p + (b + x) * log1p(-p)) * -expm1(-(r + x) * log1p(p * ahead / (alpha + t))) / p

    # Inclinations are about a / (b + x); both ends of the integral are next to nothing.
    usual = -log(b + x)
    ends = [usual - 40 / a, usual - 4, usual, usual + 2, usual + 4, -1e-12]
    pieces = [quad(of, low, high, epsabs=0, epsrel=1e-12, limit=200)[0] for low, high in pairwise(ends)]
    return float(sum(pieces) / beta(a, b + x + 1))


def cubic(at: float, knot: int) -> float:
    """Lagrange's weight of one of the knots -1, 0, 1 and 2."""
    weight = 1.0
    for other in range(-1, 3):
        if other != knot:
            weight *= (at - other) / (knot - other)
    return weight


def score(value: int, edges: Sequence[int]) -> int:
    """Edges reached, plus 1."""
    return 1 + reached(value, edges)
