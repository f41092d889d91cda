"""Parts of messages that depend on the rules and a few small numbers only, written once.

At the moment of an order there is no silence: what is said of churn follows from the number of orders and the level,
what is said of value from the cell. So most of such a message is found, not written. The plain form is in `wording`; a
test holds the two equal.
"""

from __future__ import annotations

from bisect import bisect_right

from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.scoring.alive import probability
from stream.scoring.policy import LEVELS
from stream.scoring.rfm import CELLS
from stream.state.customer import TIER_NAMES, Customer
from stream.state.doings import has_signs
from stream.state.model import Model
from stream.state.view import DECIMALS
from stream.state.wording import alive_text, quote, rest_text, rfm_text, scores_text, standing_text
from stream.state.worth import worth


class Phrases:
    """What is said again and again under one model.

    Parameters
    ----------
    model
        The rules.
    exponent
        Digits of the base currency's minor unit.
    """

    __slots__ = ("_after_orders", "_exponent", "_model", "_scores", "_segments", "_tiers", "_values")

    def __init__(self, model: Model, exponent: int) -> None:
        self._model = model
        self._exponent = exponent
        #: By rank of the tier.
        self._tiers = tuple(f',"calibration":{model.number},"tier":"{name}","tier_since":"' for name in TIER_NAMES)
        #: By cell: segment; value score.
        self._segments = tuple(f'","segment":{quote(segment)}' for segment in model.segments)
        self._values = tuple(f',"value_score":{value},"orders":' for value in model.value_scores)
        #: By cell: the three scores.
        self._scores = tuple(f'","r":{r},"f":{f},"m":{m}}}' for r, f, m in CELLS)
        #: By number of orders and level: P(alive) and churn.
        self._after_orders: dict[tuple[int, int], str] = {}

    def rfm(self, c: Customer) -> str:
        """The text of `wording.rfm_text`."""
        if c.as_of != c.last_at or not 0 < c.frequency <= self._model.tabled_orders:
            return rfm_text(c, self._model, self._exponent)
        return (
            f'{{"recency_days":0.0,"frequency":{c.frequency},"monetary":"{from_minor(c.monetary, self._exponent)}'
            f"{self._scores[self._cell(c)]}"
        )

    def scores(self, c: Customer) -> str:
        """The text of `wording.scores_text`, for a customer of whom nothing is left to be said."""
        n, at = c.n, c.as_of
        if (
            at != c.last_at
            or not 0 < c.frequency <= n <= self._model.tabled_orders
            or c.tickets is not None
            or c.nps_score >= 0
            or has_signs(c, self._model)
            or self._model.rhythm_weight
        ):
            return scores_text(c, self._model, self._exponent)
        cell = self._cell(c)
        said = self._after_orders.get((n, c.level)) or self._after_order(n, c.level)
        moment = format_time(at)
        figures = worth(c, self._model)
        return (
            f'{{"customer_id":{quote(c.customer_id)},"as_of":"{moment}","version":{c.version}{self._tiers[c.tier]}'
            f"{moment if c.tier_since == at else format_time(c.tier_since)}{self._segments[cell]}{standing_text(c)}"
            f"{self._values[cell]}{n}"
            f',"first_order_at":"{moment if n == 1 else format_time(c.first_at)}","last_order_at":"{moment}",'
            f'"rfm":{{"recency_days":0.0,"frequency":{c.frequency},"monetary":"{from_minor(c.monetary, self._exponent)}'
            f'{self._scores[cell]},"clv":"{from_minor(figures.clv, self._exponent)}",{said}'
            f"{rest_text(c, self._model, figures)}"
        )

    def _cell(self, c: Customer) -> int:
        return self._model.fresh_cells[c.frequency] + bisect_right(self._model.monetary_edges, c.monetary)

    def _after_order(self, n: int, level: int) -> str:
        text = self._after_orders[n, level] = after_order(self._model, n, level)
        return text


def after_order(model: Model, n: int, level: int) -> str:
    """What is said of P(alive) and churn right after order number `n`, by the level that follows from it."""
    gone = model.log_odds_at_once[n - 1]
    weight = model.alive_weight * gone
    p_alive, alive = alive_text(weight, gone, n, 0.0)
    risk = round(probability(model.bias + weight), DECIMALS)
    return f'"p_alive":{p_alive},"churn":{{"level":"{LEVELS[level]}","risk":{risk},"reasons":[{alive}]}}'
