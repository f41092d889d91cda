"""The arithmetic of scores, once more: decimals as exact fractions, one formula of the contract a function."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import chain
from math import ceil, exp, expm1, inf, log, log1p
from typing import TYPE_CHECKING

from tests.oracle.anomalies import Anomalies
from tests.oracle.appointments import Appointments
from tests.oracle.character import Characters
from tests.oracle.classes import Classes
from tests.oracle.customer import Customer
from tests.oracle.exact import exact, reached, up_to_second
from tests.oracle.reading import DAY, SECOND, WEEK
from tests.oracle.samples import Sample, sample_of
from tests.oracle.signs import Signs
from tests.oracle.worth import Worth, Worths, score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.scoring.calibration import Calibration
    from stream.scoring.policy import Policy

TIERS = ["none", "low", "mid", "high"]
LAST_MOMENT = 253_402_300_799 * SECOND
"""9999-12-31T23:59:59Z: what would come later has no date."""


class Scores:
    """Policy and calibration, with the questions the contract asks of a customer."""

    def __init__(self, policy: Policy, calibration: Calibration, window_days: int | None = None) -> None:
        churn, rfm, weights = policy.churn, calibration.rfm, policy.weights
        self.window = (window_days or policy.window_days) * DAY
        self.recency_edges = [exact(edge) * DAY for edge in rfm.recency_days]
        # What is counted in whole numbers reaches an edge with the first whole number that does.
        self.ages = [ceil(edge) for edge in self.recency_edges]
        self.frequency_edges = [ceil(exact(edge)) for edge in rfm.frequency]
        self.monetary_edges = [ceil(exact(edge)) for edge in rfm.monetary_minor]
        self.weights = [exact(weight) for weight in weights]
        self.mid, self.high = exact(policy.tier_mid), exact(policy.tier_high)
        self.margin = exact(policy.tier_margin)
        self.min_stay = round(exact(policy.tier_min_stay_days) * DAY)
        self.segments = policy.segments
        self.classes = Classes(policy, calibration)
        self.appointments = Appointments(policy, self.window)
        self.characters = Characters(policy, calibration.returned_share)
        self.anomalies = Anomalies(policy)
        self.signs = Signs(policy, self.characters)
        self.worths = Worths(policy, calibration, self.window)
        self.clv_edges = [ceil(exact(edge)) for edge in calibration.clv_edges_minor]
        self.profit_edges = [ceil(exact(edge)) for edge in calibration.profit_edges_minor]
        self.alive = calibration.alive
        self.coefficients = calibration.churn
        self.levels = ["none", *(name for name, _ in churn.levels)]
        self.thresholds = [log(risk / (1 - risk)) for _, risk in churn.levels]
        self.warn_from = self.levels.index(churn.warn_from)
        self.gap_ratios = [exact(ratio) for ratio in churn.gap_ratios]
        self.gap_min = exact(churn.gap_days_min) * DAY
        self.rhythm_orders_min = churn.rhythm_orders_min
        self.complaint_cap = churn.complaint_cap
        self.detractor = exact(churn.detractor_days) * DAY
        self.horizon_weeks = churn.horizon_days / 7
        self.value_score = cache(self._value_score)
        self.raw_tier = cache(self._raw_tier)
        self.segment_of = cache(self._segment_of)
        self.gap_moments_of = cache(self._gap_moments_of)

    # -- recency, frequency, monetary ---------------------------------------------------------------------------

    def rfm(self, customer: Customer, as_of: int) -> tuple[int, int, int] | None:
        """The three scores; None for who has no order that counts."""
        if not customer.n:
            return None
        frequency, monetary = customer.bought(as_of, self.window)
        if not frequency:
            return 1, 1, 1
        recency = as_of - customer.last_at
        return (
            5 - reached(recency, self.ages),
            1 + reached(frequency, self.frequency_edges),
            1 + reached(monetary, self.monetary_edges),
        )

    def _value_score(self, rfm: tuple[int, int, int]) -> Fraction:
        parts = (weight * Fraction(score - 1, 4) for weight, score in zip(self.weights, rfm, strict=True))
        return 100 * sum(parts, Fraction(0)) / sum(self.weights, Fraction(0))

    def _raw_tier(self, rfm: tuple[int, int, int] | None, said: str) -> str:
        """Tier that the scores call for; the margin is for who was said to be in it, or above."""
        if rfm is None:
            return "none"
        score = self.value_score(rfm)
        if score >= self.high or (said == "high" and score >= self.high - self.margin):
            return "high"
        if score >= self.mid or (said in ("mid", "high") and score >= self.mid - self.margin):
            return "mid"
        return "low"

    def said_tier(self, raw: str, said: str, since: int, as_of: int) -> str:
        """Tier to be said at `as_of`: a fall to a tier other than none waits for the minimum stay."""
        falls = "none" not in (raw, said) and TIERS.index(raw) < TIERS.index(said)
        return said if falls and as_of < since + self.min_stay else raw

    def segment(self, rfm: tuple[int, int, int] | None) -> str | None:
        """Name of the first rule that matches."""
        return None if rfm is None else self.segment_of(rfm)

    def _segment_of(self, rfm: tuple[int, int, int]) -> str:
        for rule in self.segments.rules:
            if all(low <= score <= high for score, (low, high) in zip(rfm, (rule.r, rule.f, rule.m), strict=True)):
                return rule.name
        return self.segments.rest

    # -- churn --------------------------------------------------------------------------------------------------

    def contributions(self, customer: Customer, as_of: int) -> dict[str, float]:
        """The parts of the logit that apply, but for the bias; empty for who has no order that counts."""
        if not customer.n:
            return {}
        parts = self.silence(customer, as_of, self.gone(customer, as_of))
        if self.coefficients.rhythm:
            parts["rhythm"] = self.coefficients.rhythm * self.idle(customer)
        steps = self.gap_steps(customer, as_of)
        if steps:
            parts["gap"] = self.coefficients.gap[steps - 1]
        if customer.open_tickets:
            parts["open_complaints"] = self.coefficients.complaint * min(customer.open_tickets, self.complaint_cap)
        if customer.nps and customer.nps[1] <= 6 and as_of < customer.nps[0] + self.detractor:
            parts["detractor"] = self.coefficients.detractor
        return parts | {sign: getattr(self.coefficients, sign) for sign in self.signs.there(customer, as_of)}

    def silence(self, customer: Customer, as_of: int, gone: float) -> dict[str, float]:
        """The parts that grow with every moment."""
        parts = {"p_alive": self.coefficients.p_alive * gone}
        if self.coefficients.quiet and as_of > customer.last_at:
            alpha = self.alive.alpha
            weeks = [alpha + (moment - customer.first_at) / WEEK for moment in (customer.last_at, as_of)]
            parts["quiet"] = self.coefficients.quiet * (log(weeks[1]) - log(weeks[0]))
        return parts

    def idle(self, customer: Customer) -> float:
        """Log-odds that who is still there orders nothing within the horizon, at the last order; within 8 of even."""
        rate = self.alive.r + customer.n - 1
        weeks = self.alive.alpha + (customer.last_at - customer.first_at) / WEEK
        nothing = -rate * log1p(self.horizon_weeks / weeks)
        return max(-8.0, min(8.0, nothing - log(-expm1(nothing))))

    def gone(self, customer: Customer, as_of: int) -> float:
        """MBG/NBD's log-odds of being gone."""
        r, alpha, a, b = self.alive
        x = customer.n - 1
        age = (as_of - customer.first_at) / WEEK
        last = (customer.last_at - customer.first_at) / WEEK
        return log(a / (b + x)) + (r + x) * log((alpha + age) / (alpha + last))

    def gap_steps(self, customer: Customer, as_of: int) -> int:
        """How many steps of the customer's own rhythm the silence has reached."""
        return sum(moment <= as_of for moment in self.gap_moments(customer))

    def gap_moments(self, customer: Customer) -> list[int]:
        """Whole seconds at which silence reaches each step of the customer's own rhythm."""
        return self.gap_moments_of(customer.n, customer.first_at, customer.last_at)

    def _gap_moments_of(self, n: int, first_at: int, last_at: int) -> list[int]:
        span, x = last_at - first_at, n - 1
        if n < self.rhythm_orders_min or span <= 0:
            return []
        # Whole numbers throughout: ratio * max(gap_min, span / x) as a numerator over a denominator.
        if span >= self.gap_min * x:
            return [up_to_second(last_at, ratio.numerator * span, ratio.denominator * x) for ratio in self.gap_ratios]
        steps = [ratio * self.gap_min for ratio in self.gap_ratios]
        return [up_to_second(last_at, step.numerator, step.denominator) for step in steps]

    def logit(self, parts: dict[str, float]) -> float:
        """Log-odds of being lost."""
        return self.coefficients.bias + sum(parts.values())

    def level(self, parts: dict[str, float]) -> str:
        """The highest level whose threshold is reached."""
        if not parts:
            return "none"
        logit = self.logit(parts)
        return self.levels[sum(logit >= threshold for threshold in self.thresholds)]

    def sample(self, customer: Customer) -> Sample:
        """What is known of a customer with orders, to be held against what comes of it."""
        parts = self.contributions(customer, customer.as_of)
        return sample_of(
            customer,
            parts,
            gap_steps=self.gap_steps(customer, customer.as_of),
            cap=self.complaint_cap,
            logit=self.logit(parts),
            warned=self.levels.index(customer.level) >= self.warn_from,
        )

    # -- class, stage, worth ------------------------------------------------------------------------------------

    def abc(self, customer: Customer, as_of: int) -> str:
        """Class by revenue, given the class said."""
        return self.classes.abc(*customer.bought(as_of, self.window), customer.abc)

    def lifecycle(self, customer: Customer, as_of: int) -> str:
        """Stage, given the stage said."""
        if not customer.n:
            return self.classes.lifecycle(customer, 0.0, 0)
        return self.classes.lifecycle(customer, self.gone(customer, as_of), self.gap_steps(customer, as_of))

    def worth(self, customer: Customer, as_of: int) -> Worth | None:
        """What the customer is worth; None for who has no order that counts."""
        return self.worths.of(customer, as_of, self.gone(customer, as_of)) if customer.n else None

    def cells(self, customer: Customer, rfm: tuple[int, int, int] | None, worth: Worth | None) -> dict[str, str | None]:
        """Cell in each matrix."""
        if rfm is None or worth is None:
            return dict.fromkeys((matrix.name for matrix in self.classes.matrices), None)
        return self.classes.cells(
            {
                "value_score": self.value_score(rfm),
                "recency": rfm[0],
                "frequency": rfm[1],
                "monetary": rfm[2],
                "loyalty": worth.loyalty,
                "clv": score(worth.clv, self.clv_edges),
                "profit": score(worth.profit, self.profit_edges),
                "tenure_days": Fraction(customer.last_at - customer.first_at, DAY),
            }
        )

    # -- silence ------------------------------------------------------------------------------------------------

    def next_change(self, customer: Customer, until: int = LAST_MOMENT + 1) -> int | None:
        """The earliest moment after the customer's `as_of` and before `until` at which silence changes something."""
        known = [self.appointments.moments(customer), self.characters.moments(customer)]
        if customer.n:
            known.append(self._moments(customer))
        moments = [moment for moment in chain(*known) if customer.as_of < moment < until]
        crossing = self._crossing(customer, min(moments, default=until)) if customer.n else None
        return crossing if crossing is not None else min(moments, default=None)

    def _moments(self, customer: Customer) -> Iterator[int]:
        window = customer.window(customer.as_of, self.window)
        if window:
            for edge in self.recency_edges:
                yield up_to_second(customer.last_at, edge.numerator, edge.denominator)
            yield up_to_second(window[0][0] + self.window)
        yield from self.gap_moments(customer)
        yield from self.signs.moments(customer)
        if customer.nps and customer.nps[1] <= 6:
            yield up_to_second(customer.nps[0], self.detractor.numerator, self.detractor.denominator)
        rfm = self.rfm(customer, customer.as_of)
        if self.raw_tier(rfm, customer.tier) != customer.tier:
            yield up_to_second(customer.tier_since + self.min_stay)

    def _crossing(self, customer: Customer, until: int) -> int | None:
        """First whole second after `as_of` and before `until` at which silence alone lifts the level.

        Or lets P(alive) fall to a cut of the lifecycle. By bisection.
        """
        low = customer.as_of // SECOND  # in seconds, from here on
        high = (until - 1) // SECOND
        if high <= low:
            return None
        parts = self.contributions(customer, customer.as_of)
        level = self.levels.index(self.level(parts))
        gone = self.gone(customer, customer.as_of)
        threshold = min(self.thresholds[level:], default=inf)
        fall = min((fall for fall in self.classes.falls if fall > gone), default=inf)

        def reaches(second: int) -> bool:
            gone = self.gone(customer, second * SECOND)
            logit = self.logit(parts | self.silence(customer, second * SECOND, gone))
            return logit >= threshold or gone >= fall

        if not reaches(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if reaches(middle):
                high = middle
            else:
                low = middle
        return high * SECOND


def risk_of(logit: float) -> float:
    """Log-odds as a probability."""
    return 1 / (1 + exp(-logit)) if logit > -700 else 0.0
