"""Against what only a simulation knows: whether a customer had left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from stream.contracts.times import parse_time
from stream.scoring.alive import log_odds_gone, probability
from stream.scoring.units import WEEK
from stream.simulate.generate import simulate
from stream.simulate.spec import Spec
from tests.evaluation.churn.walk import Scored, Walk

SPEC = Spec(customers=4_000, days=540, start=parse_time("2023-01-01T00:00:00Z"))
SEED = 11
BINS = 10


class TrueBin(NamedTuple):
    """Moments at which about the same risk was said: means."""

    said: float
    gone: float
    """No order within the horizon."""
    left: float
    """Had left by then, in truth."""
    p_gone: float
    """What the model of P(alive) alone says of that."""
    moments: int


def simulated(spec: Spec = SPEC) -> tuple[dict[str, list[Mapping[str, Any]]], list[int | None]]:
    """Events by topic in order of time, and when each customer left (ms), by the order of their ids."""
    simulation = simulate(spec, SEED)
    events: dict[str, list[Mapping[str, Any]]] = {}
    for told in simulation.events():
        events.setdefault(told.topic, []).append(told.event)
    acted = {event["customer_id"] for topic in ("orders", "interactions") for event in events.get(topic, ())}
    truths = sorted((truth.customer_id, truth.dropout_at) for truth in simulation.truths())
    return events, [left for customer, left in truths if customer in acted]


def against_truth(walk: Walk, left: list[int | None]) -> list[TrueBin]:
    """By risk that was said, bins without a moment left out."""
    bins: list[list[Scored]] = [[] for _ in range(BINS)]
    for scored in walk.scored:
        bins[min(int(probability(scored.logit) * BINS), BINS - 1)].append(scored)
    return [_mean(walk, of_bin, left) for of_bin in bins if of_bin]


def _mean(walk: Walk, of_bin: list[Scored], left: list[int | None]) -> TrueBin:
    said = gone = truly = alive = 0.0
    for scored in of_bin:
        facts, left_at = scored.moment.facts, left[scored.moment.customer]
        said += probability(scored.logit)
        gone += scored.moment.gone
        truly += left_at is not None and left_at <= facts.at
        weeks = (facts.last_at - facts.first_at) / WEEK, (facts.at - facts.first_at) / WEEK
        alive += probability(log_odds_gone(walk.calibrations[scored.split + 1].alive, facts.n - 1, *weeks))
    count = len(of_bin)
    return TrueBin(said / count, gone / count, truly / count, alive / count, count)
