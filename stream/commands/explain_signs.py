"""What of a customer's doings could be a sign of leaving, and the rules by which it is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from stream.commands.explain_words import number
from stream.contracts.times import format_time
from stream.scoring.churn_signs import CAMPAIGN_PERIODS, COMPLAINT_PERIODS, NO_ACTIVITY, SIGNS
from stream.scoring.periods import PERIOD, PERIOD_DAYS
from stream.state.customer import Customer
from stream.state.doings import activity_of
from stream.state.model import Model

_COUNTED: Final = ("visits", "campaigns", "answers", "complaints")


def explain_signs(c: Customer, model: Model) -> dict[str, Any]:
    """Counts by period, and the rules; nothing of customers who cannot have a sign. Of carts, see ``open_cart``."""
    activity, rules, weights = activity_of(c, model), model.churn.signs, model.churn.coefficients
    if activity is NO_ACTIVITY:
        return {}
    counts = {name: getattr(activity, name) for name in _COUNTED}
    return {
        "weights": {code: getattr(weights, code) for code in SIGNS},
        "period_days": PERIOD_DAYS,
        "recent_periods": rules.visits.recent_periods,
        "earlier_periods": rules.visits.earlier_periods,
        "earlier_min": rules.visits.earlier_min,
        "falling": rules.visits.falling,
        "cart_days": model.policy.churn.cart_days,
        "campaigns_min": rules.campaigns_min,
        "campaign_periods": CAMPAIGN_PERIODS,
        "complaints_min": rules.complaints_min,
        "complaint_periods": COMPLAINT_PERIODS,
        "periods": [
            {"period_from": format_time(period * PERIOD), **{name: of.get(period, 0) for name, of in counts.items()}}
            for period in sorted({period for of in counts.values() for period in of})
        ],
    }


def sign_lines(found: dict[str, Any]) -> Iterator[str]:
    """The same in plain words."""
    weights, days = found["weights"], found["period_days"]
    yield (
        f"  visits_falling = {number(weights['visits_falling'])} while visits in the last {found['recent_periods']} "
        f"full periods of {days} days come"
    )
    yield (
        f"    at {number(found['falling'])} or less of the rate of the {found['earlier_periods']} before, which had "
        f"{found['earlier_min']} or more"
    )
    yield (
        f"  cart_left = {number(weights['cart_left'])} for {number(found['cart_days'])} days after a cart is left; "
        f"repeat_complaints = {number(weights['repeat_complaints'])} from {found['complaints_min']} complaints on"
    )
    yield f"    in the last {found['complaint_periods']} periods, the present one among them"
    yield (
        f"  campaign_ignored = {number(weights['campaign_ignored'])} from {found['campaigns_min']} campaigns on in the "
        f"last {found['campaign_periods']} full periods, none answered"
    )
    yield "    in these and the present one, and no order since they began"
    for one in found["periods"]:
        told = ", ".join(f"{one[name]} {name}" for name in _COUNTED)
        yield f"    from {one['period_from']}: {told}"


def sign_reason(part: dict[str, Any]) -> str:
    """Why one of them is there."""
    detail = part["detail"]
    match part["code"]:
        case "visits_falling":
            return f"{number(detail['visits'])} visits a period lately, {number(detail['usual_visits'])} before"
        case "cart_left":
            return f"a cart was left behind, last touched {number(detail['days_since_cart'])} days ago"
        case "campaign_ignored":
            return f"{number(detail['sent'])} campaigns in {number(detail['days'])} days, none answered"
        case _:
            return f"{number(detail['complaints'])} complaints in {number(detail['days'])} days"
