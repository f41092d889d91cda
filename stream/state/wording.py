"""JSON of what is said most often, put together as text.

A tier change, a segment change and the scores of a customer leave with nearly every change, and half of the cost of
scoring was making dictionaries for the JSON encoder. The plain form is `view.describe`; a test holds what is
written here equal to it and to the structs of `stream.contracts.decisions`.
"""

from __future__ import annotations

from functools import lru_cache
from math import log
from typing import Any

import msgspec

from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.scoring.abc import CLASSES
from stream.scoring.alive import probability, rhythm
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.scoring.units import DAY, WEEK
from stream.state.advice import advised
from stream.state.customer import NEVER, TIER_NAMES, Customer
from stream.state.doings import has_signs
from stream.state.evaluation import gap_reached
from stream.state.model import Model
from stream.state.sections import has_no_sections
from stream.state.view import DECIMALS, cell_of, churn, extras
from stream.state.worth import Worth, cell_names, worth

_encode = msgspec.json.Encoder().encode


def quote(text: str) -> str:
    r"""A JSON string.

    Examples
    --------
    >>> print(quote('c-"1"'))
    "c-\"1\""
    """
    return _encode(text).decode()


#: For names of which there are few: segments.
quote_name = lru_cache(maxsize=1_024)(quote)


def rfm_text(c: Customer, model: Model, exponent: int) -> str:
    """The figures and scores of `view.rfm`."""
    cell = cell_of(c, model)
    return (
        f'{{"recency_days":{round((c.as_of - c.last_at) / DAY, DECIMALS)},"frequency":{c.frequency},'
        f'"monetary":"{from_minor(c.monetary, exponent)}",'
        f'"r":{cell // 25 + 1},"f":{cell // 5 % 5 + 1},"m":{cell % 5 + 1}}}'
    )


def scores_text(c: Customer, model: Model, exponent: int) -> str:
    """The whole of `view.describe` for a customer whose `due` is exact."""
    head = (
        f'{{"customer_id":{quote(c.customer_id)},"as_of":"{format_time(c.as_of)}","version":{c.version},'
        f'"calibration":{model.number},"tier":"{TIER_NAMES[c.tier]}"'
    )
    parts = [head]
    figures = worth(c, model) if c.n else None
    if figures is not None:
        cell = cell_of(c, model)
        risk, p_alive, reasons = churn_text(c, model)
        parts.append(
            f',"tier_since":"{format_time(c.tier_since)}","segment":{quote_name(c.segment)}{standing_text(c)},'
            f'"value_score":{model.value_scores[cell]},"orders":{c.n},'
            f'"first_order_at":"{format_time(c.first_at)}","last_order_at":"{format_time(c.last_at)}",'
            f'"rfm":{rfm_text(c, model, exponent)},"clv":"{from_minor(figures.clv, exponent)}","p_alive":{p_alive},'
            f'"churn":{{"level":"{LEVELS[c.level]}","risk":{risk},"reasons":{reasons}}}'
        )
    else:
        parts.append(f'{standing_text(c)},"orders":0,"churn":{{"level":"{LEVELS[c.level]}"}}')
    parts.append(rest_text(c, model, figures))
    return "".join(parts)


def standing_text(c: Customer) -> str:
    """Class and stage."""
    return STANDINGS[c.abc][c.lifecycle]


#: By class and stage.
STANDINGS = tuple(
    tuple((f',"abc":"{name}"' if rank else "") + f',"lifecycle":"{stage}"' for stage in STAGES)
    for rank, name in enumerate(CLASSES)
)


def rest_text(c: Customer, model: Model, figures: Worth | None) -> str:
    """What of the scores comes after churn, and the end of the object."""
    if has_no_sections(c):
        names = model.market.names(c.market_segments)
        more: dict[str, Any] = {"market_segments": names} if names else {}
    else:
        more = extras(c, model)
    parts = [f',"needs":{_encode(more.pop("needs")).decode()}'] if "needs" in more else []
    if c.matrix:
        parts.append(matrix_text(c.matrix, model))
    if "satisfaction" in more:
        parts.append(f',"satisfaction":{_encode(more.pop("satisfaction")).decode()}')
    if figures is not None:
        parts.append(f',"loyalty":{round(figures.loyalty, DECIMALS)}')
    if more:
        parts.append("," + _encode(more)[1:-1].decode())
    if c.due != NEVER and c.n:
        parts.append(f',"next_change_at":"{format_time(c.due)}"')
    action = advised(c, model)
    if action is not None:
        parts.append(f',"action":{quote_name(action.action)}')
    parts.append("}")
    return "".join(parts)


def matrix_text(matrix: int, model: Model) -> str:
    """The cells said."""
    names = cell_names(matrix, model)
    return f',"matrix":{_encode(names).decode()}' if names else ""


def churn_text(c: Customer, model: Model) -> tuple[float, float, str]:
    """Risk, P(alive) and the list of reasons, as of `view.churn`."""
    if c.tickets is not None or c.nps_score >= 0 or has_signs(c, model):
        said = churn(c, model)
        return said["risk"], said["p_alive"], _encode(said["reasons"]).decode()
    n, first_at, last_at = c.n, c.first_at, c.last_at
    x, silence = n - 1, c.as_of - last_at
    gone = model.log_odds_at_once[x] if x < len(model.log_odds_at_once) else log(model.a / (model.b + x))
    grown = 0.0
    if silence:
        now, then = (c.as_of - first_at) / WEEK, (last_at - first_at) / WEEK
        grown = log((model.alpha + now) / (model.alpha + then))
        gone += (model.r + x) * grown
    days = round(silence / DAY, DECIMALS)
    weight = model.alive_weight * gone
    p_alive, reason = alive_text(weight, gone, n, days)
    parts = [(weight, reason)]
    if model.rhythm_weight:
        idle = rhythm(model.churn.alive, x, (last_at - first_at) / WEEK, model.churn.horizon_weeks)
        parts.append((model.rhythm_weight * idle, _rhythm_text(model.rhythm_weight * idle, idle, n, model)))
    if model.quiet_weight and silence:
        parts.append((model.quiet_weight * grown, _quiet_text(model.quiet_weight * grown, grown, days)))
    step, usual = gap_reached(c, model)
    if step:
        gap_weight = model.gap_weights[step]
        gap = (
            f'{{"code":"gap","weight":{round(gap_weight, DECIMALS)},"detail":{{"days_since_last_order":{days},'
            f'"usual_gap_days":{round(usual / DAY, DECIMALS)},"step":{model.gap_ratios[step - 1]}}}}}'
        )
        parts.append((gap_weight, gap))
    logit = model.bias + sum(part for part, _ in parts)
    parts.sort(key=lambda part: -part[0])
    return round(probability(logit), DECIMALS), p_alive, f"[{','.join([text for _, text in parts])}]"


def _rhythm_text(weight: float, idle: float, n: int, model: Model) -> str:
    return (
        f'{{"code":"rhythm","weight":{round(weight, DECIMALS)},"detail":{{"p_no_order":'
        f'{round(probability(idle), DECIMALS)},"orders":{n},"horizon_days":{model.churn.horizon / DAY}}}}}'
    )


def _quiet_text(weight: float, grown: float, days: float) -> str:
    return (
        f'{{"code":"quiet","weight":{round(weight, DECIMALS)},"detail":{{"growth":{round(grown, DECIMALS)},'
        f'"days_since_last_order":{days}}}}}'
    )


def alive_text(weight: float, gone: float, n: int, days: float) -> tuple[float, str]:
    """P(alive), and the reason that it is: its weight, the log-odds of being gone, orders, days of silence."""
    p_alive = round(probability(-gone), DECIMALS)
    return p_alive, (
        f'{{"code":"p_alive","weight":{round(weight, DECIMALS)},"detail":{{"p_alive":{p_alive},"orders":{n},'
        f'"days_since_last_order":{days}}}}}'
    )
