"""Simpler ways to warn, at the same moments and with no more knowledge of the future."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from stream.scoring.alive import log_odds_gone
from stream.scoring.units import DAY, WEEK
from tests.evaluation.churn.histories import Facts, Histories
from tests.evaluation.churn.walk import Walk

Scores = NDArray[np.float64]

OURS = "the scorer"
RECENCY = "(a) days since the last order"
OFFLINE = "(b) P(alive), fitted once"
RHYTHM = "(c) silence over own usual gap"


def scores(histories: Histories, walk: Walk) -> dict[str, Scores]:
    """By way to warn, a score for each of `Walk.scored`: the higher, the sooner it warns."""
    facts = [scored.moment.facts for scored in walk.scored]
    usual = _median_gap(histories, walk.splits[0])
    offline = walk.calibrations[1].alive
    return {
        OURS: np.array([scored.logit for scored in walk.scored]),
        RECENCY: np.array([one.at - one.last_at for one in facts], float) / DAY,
        # The parameters are those of one date; P(alive) is worked out anew at every moment, as a report would not be.
        OFFLINE: np.array([_gone(one, offline) for one in facts]),
        RHYTHM: np.array([(one.at - one.last_at) / max(DAY, _own_gap(one, usual)) for one in facts]),
    }


def _gone(facts: Facts, alive: tuple[float, float, float, float]) -> float:
    weeks = (facts.last_at - facts.first_at) / WEEK, (facts.at - facts.first_at) / WEEK
    return log_odds_gone(alive, facts.n - 1, *weeks)


def _own_gap(facts: Facts, usual: float) -> float:
    """Mean gap of the customer, or the population's where they ordered once."""
    return (facts.last_at - facts.first_at) / (facts.n - 1) if facts.n > 1 else usual


def _median_gap(histories: Histories, until: int) -> float:
    gaps = [
        second.at - first.at for orders in histories.orders for first, second in pairwise(orders) if second.at <= until
    ]
    return median(gaps)
