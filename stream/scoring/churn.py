"""How likely is this customer lost, and why?  A sum of named contributions on the log-odds scale.

Each piece of evidence adds its weight to the logarithm of the odds: the silence against the population's
rhythm (`p_alive`), the silence against the customer's own (`gap`), open complaints, a bad answer, and what else
`churn_signs` sees. The reasons that a warning gives are therefore exactly the parts of its score; nothing is explained
after the fact.

Whether somebody is still there is half of the question whether an order will come: who orders twice a year is silent
for months and lost to nobody. So two parts say how likely a customer who is still there orders nothing within the
horizon: `rhythm`, at the last order, and `quiet`, what the silence since then adds. Both follow from the model of
P(alive); their weights are learned, and 0 until then.

The pair `logit` / `next_change` makes silence an event: one says where the customer stands, the other the
next moment at which that may change a level if nothing happens, so that one timer per customer is enough.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from math import exp, inf
from typing import Final, NamedTuple

from stream.scoring.alive import EXPONENT_MAX, log_odds_gone, probability, quiet, rhythm
from stream.scoring.churn_model import ChurnModel
from stream.scoring.churn_samples import SIGNS, Evidence
from stream.scoring.churn_signs import NO_ACTIVITY, Activity, signs, signs_change
from stream.scoring.satisfaction import DETRACTOR_MAX
from stream.scoring.units import DAY, NEVER, WEEK, ceil_to_second, second_after

NO_ANSWER: Final = -1
"""NPS score of a customer who gave none."""

GROWING: Final = frozenset({"p_alive", "quiet"})
"""Reasons that grow with every moment of silence; all others go in steps."""


class Contribution(NamedTuple):
    """One reason: what it is, what it adds to the logit, and the figures behind it."""

    code: str
    weight: float
    detail: dict[str, float]


def usual_gap(model: ChurnModel, n: int, first_at: int, last_at: int) -> float | None:
    """Mean time between the customer's orders in milliseconds; none while there is no rhythm to speak of.

    Parameters
    ----------
    n
        Orders that count, all time.
    first_at, last_at
        Times of the first and the last of them.
    """
    if n < model.rhythm_orders_min or last_at <= first_at:
        return None
    return max(model.gap_min, (last_at - first_at) / (n - 1))


def gap_moments(model: ChurnModel, n: int, first_at: int, last_at: int) -> tuple[int, ...]:
    """Whole seconds at which silence reaches each step of the gap table; none without a rhythm.

    Examples
    --------
    Orders on days 0, 10 and 20 with the shipped steps 1.5, 2, 3 and 5:

    >>> from stream.scoring.calibration import DEFAULT_CALIBRATION as calibration
    >>> from stream.scoring.churn_model import compile_churn
    >>> from stream.scoring.policy import default_policy
    >>> model = compile_churn(default_policy(), calibration.churn, calibration.alive)
    >>> [moment // DAY for moment in gap_moments(model, 3, 0, 20 * DAY)]
    [35, 40, 50, 70]
    """
    gap = usual_gap(model, n, first_at, last_at)
    return () if gap is None else tuple(ceil_to_second(last_at + ratio * gap) for ratio in model.gap_ratios)


def contributions(
    model: ChurnModel,
    n: int,
    first_at: int,
    last_at: int,
    as_of: int,
    open_tickets: int = 0,
    nps_score: int = NO_ANSWER,
    nps_at: int = 0,
    *,
    activity: Activity = NO_ACTIVITY,
) -> list[Contribution]:
    """Every reason that applies at `as_of`; with the bias, their weights add up to the logit.

    Parameters
    ----------
    n
        Orders that count, all time; at least 1.
    first_at, last_at
        Times of the first and the last of them, milliseconds.
    as_of
        Now, milliseconds; not before `last_at`.
    open_tickets
        Complaints that are open.
    nps_score, nps_at
        Latest NPS answer and its time; `NO_ANSWER` without one.
    activity
        What else they did.

    Examples
    --------
    One order half a year ago, and a complaint nobody has dealt with:

    >>> from stream.scoring.calibration import DEFAULT_CALIBRATION as calibration
    >>> from stream.scoring.churn_model import compile_churn
    >>> from stream.scoring.policy import default_policy
    >>> model = compile_churn(default_policy(), calibration.churn, calibration.alive)
    >>> [(code, round(weight, 3)) for code, weight, _ in contributions(model, 1, 0, 0, 182 * DAY, 1)]
    [('p_alive', 0.272), ('open_complaints', 0.8)]
    """
    weights, last = model.coefficients, (last_at - first_at) / WEEK
    silent_days = (as_of - last_at) / DAY
    gone = log_odds_gone(model.alive, n - 1, last, (as_of - first_at) / WEEK)
    reasons = [
        Contribution(
            "p_alive",
            weights.p_alive * gone,
            {"p_alive": probability(-gone), "orders": n, "days_since_last_order": silent_days},
        )
    ]
    if weights.rhythm:
        idle = rhythm(model.alive, n - 1, last, model.horizon_weeks)
        detail = {"p_no_order": probability(idle), "orders": n, "horizon_days": model.horizon / DAY}
        reasons.append(Contribution("rhythm", weights.rhythm * idle, detail))
    if weights.quiet and as_of > last_at:
        growth = quiet(model.alive, last, (as_of - first_at) / WEEK)
        detail = {"growth": growth, "days_since_last_order": silent_days}
        reasons.append(Contribution("quiet", weights.quiet * growth, detail))
    step = bisect_right(gap_moments(model, n, first_at, last_at), as_of)
    gap = usual_gap(model, n, first_at, last_at)
    if step and gap is not None:
        reasons.append(
            Contribution(
                "gap",
                weights.gap[step - 1],
                {
                    "days_since_last_order": silent_days,
                    "usual_gap_days": gap / DAY,
                    "step": model.gap_ratios[step - 1],
                },
            )
        )
    if open_tickets:
        counted = min(open_tickets, model.complaint_cap)
        weight = weights.complaint * counted
        reasons.append(Contribution("open_complaints", weight, {"open": open_tickets, "counted": counted}))
    if as_of < _fades_at(model, nps_score, nps_at):
        detail = {"score": nps_score, "days_since_answer": (as_of - nps_at) / DAY}
        reasons.append(Contribution("detractor", weights.detractor, detail))
    reasons += [
        Contribution(sign.code, getattr(weights, sign.code), sign.detail)
        for sign in signs(model.signs, activity, last_at, as_of)
    ]
    return reasons


def evidence(
    model: ChurnModel,
    reasons: Iterable[Contribution],
    n: int,
    first_at: int,
    last_at: int,
    as_of: int,
    open_tickets: int = 0,
) -> Evidence:
    """What a sample is taken of; `reasons` are the `contributions`, whose arguments the others are."""
    found = {reason.code for reason in reasons}
    return Evidence(
        repeats=n - 1,
        last=(last_at - first_at) / WEEK,
        age=(as_of - first_at) / WEEK,
        gap_step=bisect_right(gap_moments(model, n, first_at, last_at), as_of),
        complaints=min(open_tickets, model.complaint_cap),
        signs=sum(1 << bit for bit, code in enumerate(SIGNS) if code in found),
    )


def logit(
    model: ChurnModel,
    n: int,
    first_at: int,
    last_at: int,
    as_of: int,
    open_tickets: int = 0,
    nps_score: int = NO_ANSWER,
    nps_at: int = 0,
    *,
    activity: Activity = NO_ACTIVITY,
) -> float:
    """Log-odds that the customer is lost; arguments as in `contributions`."""
    reasons = contributions(model, n, first_at, last_at, as_of, open_tickets, nps_score, nps_at, activity=activity)
    return weighed(model, reasons)


def weighed(model: ChurnModel, reasons: Iterable[Contribution]) -> float:
    """Log-odds that follow from all `contributions`."""
    return model.coefficients.bias + sum(reason.weight for reason in reasons)


def risk(logit: float) -> float:
    """Risk in [0, 1] of log-odds.

    Examples
    --------
    >>> risk(0.0)
    0.5
    """
    return probability(logit)


def level(logit: float, thresholds: tuple[float, ...]) -> int:
    """Rank in `policy.LEVELS` of the highest level whose threshold is reached; 0 for none.

    Examples
    --------
    >>> [level(logit, (-1.0, 0.0, 1.0, 3.0)) for logit in (-2.0, -1.0, 0.5, 9.0)]
    [0, 1, 2, 4]
    """
    return bisect_right(thresholds, logit)


def next_crossing(
    model: ChurnModel,
    n: int,
    first_at: int,
    last_at: int,
    as_of: int,
    open_tickets: int = 0,
    nps_score: int = NO_ANSWER,
    nps_at: int = 0,
    *,
    activity: Activity = NO_ACTIVITY,
) -> int:
    """First whole second after `as_of` at which silence alone lifts the customer to the next level.

    All other evidence is taken as it stands at `as_of`; when that changes first, `next_change` is earlier,
    and the question is put again. Arguments as in `contributions`.

    Returns
    -------
    Milliseconds; `NEVER` from the highest level on, and where it is beyond all dates.
    """
    parts = contributions(model, n, first_at, last_at, as_of, open_tickets, nps_score, nps_at, activity=activity)
    others = weighed(model, (part for part in parts if part.code not in GROWING))
    reached = level(weighed(model, parts), model.thresholds)
    if reached == len(model.thresholds):
        return NEVER
    weights, last = model.coefficients, (last_at - first_at) / WEEK
    at_once = log_odds_gone(model.alive, n - 1, last, last)
    rate = weights.p_alive * (model.alive.r + n - 1) + weights.quiet
    growth = (model.thresholds[reached] - others - weights.p_alive * at_once) / rate
    if growth >= EXPONENT_MAX:
        return NEVER
    weeks = (model.alive.alpha + last) * exp(growth) - model.alive.alpha
    moment = first_at + weeks * WEEK
    if moment >= NEVER:
        return NEVER
    # The level is not reached yet, so the moment is ahead. Where rounding says otherwise, look again in a
    # second: a crossing that is taken for past is one that no timer would ever find.
    return max(ceil_to_second(moment), second_after(as_of))


def next_change(
    model: ChurnModel,
    n: int,
    first_at: int,
    last_at: int,
    as_of: int,
    open_tickets: int = 0,
    nps_score: int = NO_ANSWER,
    nps_at: int = 0,
    *,
    activity: Activity = NO_ACTIVITY,
) -> int:
    """First whole second after `as_of` at which the level may change if nothing happens.

    The earliest of the next crossing, the next gap step, the fading of a detractor's answer and a change of the signs.
    Arguments as in `contributions`.

    Examples
    --------
    One order on day 0. The first level, at a risk of 0.4, comes after not quite three weeks:

    >>> from stream.scoring.calibration import DEFAULT_CALIBRATION as calibration
    >>> from stream.scoring.churn_model import compile_churn
    >>> from stream.scoring.policy import default_policy
    >>> model = compile_churn(default_policy(), calibration.churn, calibration.alive)
    >>> round(next_change(model, 1, 0, 0, 0) / WEEK, 1)
    2.7
    """
    moments = [next_crossing(model, n, first_at, last_at, as_of, open_tickets, nps_score, nps_at, activity=activity)]
    moments += [moment for moment in gap_moments(model, n, first_at, last_at) if moment > as_of][:1]
    fades_at = _fades_at(model, nps_score, nps_at)
    if fades_at > as_of:
        moments.append(ceil_to_second(fades_at))
    moments.append(ceil_to_second(signs_change(model.signs, activity, last_at, as_of)))
    return min(moments)


def _fades_at(model: ChurnModel, nps_score: int, nps_at: int) -> float:
    """When a detractor's answer stops counting; before all time for any other answer."""
    return nps_at + model.detractor_for if 0 <= nps_score <= DETRACTOR_MAX else -inf
