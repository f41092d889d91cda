"""What a customer looks for, how they return what they buy, and which rule segments that puts them into.

Like the figures in `worth` these need not be known at every event, and are looked at where those are; the need also
after every event that has points. Who has done nothing but order has no need and no conduct.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stream.scoring import conduct, needs
from stream.scoring.abc import CLASSES
from stream.scoring.churn_policy import LEVELS
from stream.scoring.conduct import CONDUCT, ConductFigures
from stream.scoring.lifecycle import STAGES
from stream.scoring.market_segments import REMEMBERED_MAX
from stream.scoring.needs import NEEDS, NeedFigures, NeedSums
from stream.scoring.tiers import TIERS
from stream.state import baskets
from stream.state.ages import age_of
from stream.state.customer import Customer
from stream.state.model import Model
from stream.state.order_figures import returned
from stream.state.rule_classes import rule_classes
from stream.state.worth import cell_names

_NOTHING: Final[Mapping[int, int]] = {}


def need_figures(c: Customer, model: Model) -> NeedFigures | None:
    """Shares of the four needs; None where nothing speaks of any."""
    sums = _need_sums(c, model)
    return None if sums is None else sums.figures()


def _need_sums(c: Customer, model: Model) -> NeedSums | None:
    if c.activity is None and c.details is None:
        return None
    sums = c.need_sums
    if sums is None or sums.table is not model.needs:
        periods = _NOTHING if c.activity is None else c.activity.periods
        sums = c.need_sums = NeedSums(model.needs, (periods, baskets.tallies(c)))
    return sums


def has_only_ordered(c: Customer) -> bool:
    """Whether nothing came of a customer so far but plain orders."""
    return c.seen is None and c.details is None and c.refunds is None and c.folded is None


def need_of(c: Customer, model: Model) -> int:
    """Rank of the dominant need, given the one that was said."""
    sums = _need_sums(c, model)
    if sums is not None and c.need and sums.leads(c.need):
        # Most often so, and then the shares need not be known.
        return c.need
    return needs.dominant(model.policy.needs, need_figures(c, model), c.need)


def conduct_figures(c: Customer, model: Model) -> ConductFigures | None:
    """Share of the orders kept one by one that were refunded or cancelled; None where none was."""
    if c.refunds is None:
        return None
    share = model.calibration.returned_share
    return conduct.figures(model.policy.conduct, len(c.times), returned(c), share)


def conduct_of(c: Customer, model: Model) -> int:
    """Rank of the conduct, given the one that was said."""
    return conduct.level(model.policy.conduct, conduct_figures(c, model), c.conduct)


def market_segments_of(c: Customer, model: Model, cell: int) -> int:
    """Rule segments that follow from what is said of a customer and from the profile, as records keep them.

    Parameters
    ----------
    cell
        Place in the R-F-M cube.
    """
    rules = rule_classes(model.market, model.matrices.matrices)
    looked = rules.looked(c, age_of(c, model), cell)
    found = rules.known.get(looked)
    if found is None:
        if len(rules.known) >= REMEMBERED_MAX:
            rules.known.clear()
        bits = model.market.bits(market_classes(c, model, cell))
        found = rules.known[looked] = model.market.said(bits)
    return found


def market_classes(c: Customer, model: Model, cell: int) -> dict[str, Any]:
    """What the conditions of rule segments are put to; arguments as in `market_segments_of`."""
    classes: dict[str, Any] = dict.fromkeys(model.market.uses)
    classes |= cell_names(c.matrix, model)
    classes |= {
        "tier": TIERS[c.tier],
        "segment": c.segment or None,
        "abc": CLASSES[c.abc],
        "lifecycle": STAGES[c.lifecycle],
        "level": LEVELS[c.level],
        "need": NEEDS[c.need],
        "conduct": CONDUCT[c.conduct],
        "r": cell // 25 + 1 if c.n else 0,
        "f": cell // 5 % 5 + 1 if c.n else 0,
        "m": cell % 5 + 1 if c.n else 0,
        "kind": None if c.kind is None else c.kind[2],
        "region": None if c.region is None else c.region[2],
        "registration_age": age_of(c, model),
    }
    return classes
