"""Through time, calibrating on the way: at each split the models are fitted to what was known by then, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import NamedTuple

import msgspec

from stream.calibration.churn import churn_weights
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.churn import contributions, evidence, level, logit, next_change, weighed
from stream.scoring.churn_model import ChurnModel, compile_churn
from stream.scoring.churn_samples import Said, outcome_fields, quarter, take
from stream.scoring.churn_validation import ReliabilityBin, Validation, validate
from stream.scoring.policy import LEVELS, Policy
from stream.scoring.units import DAY
from tests.evaluation.churn.fitted import alive_of
from tests.evaluation.churn.histories import Facts, Histories, Moment


class Scored(NamedTuple):
    """A moment of the grid, the log-odds that were said there, and under which calibration."""

    moment: Moment
    logit: float
    warned: bool
    split: int


class Loss(NamedTuple):
    """A silence of a whole horizon after an order, and how long before its end it was warned of, in days."""

    customer: int
    lead_days: float | None


@dataclass
class Walk:
    """What was said on the way.

    Attributes
    ----------
    splits
        Moments at which a calibration was made, ms.
    calibrations
        In force from each split on; the first, before any split, is the one that is shipped.
    scored
        All moments from the first split on whose outcome is known.
    losses
        All silences of a horizon that began after the first split.
    counts
        What the histograms hold of samples by the last split.
    """

    splits: list[int]
    calibrations: list[Calibration]
    scored: list[Scored] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def fields_a_quarter(self) -> float:
        """How many fields of evidence and outcome a quarter takes, on average."""
        quarters = Counter(name.split(":")[1] for name in self.counts if name.startswith("y:"))
        return sum(quarters.values()) / max(1, len(quarters))

    @property
    def median_lead_days(self) -> float | None:
        """Of the losses that were warned of."""
        leads = [loss.lead_days for loss in self.losses if loss.lead_days is not None]
        return median(leads) if leads else None

    @property
    def reliability(self) -> tuple[ReliabilityBin, ...]:
        """Of what was said from the first split on."""
        said = [
            Said(quarter(one.moment.facts.at), one.logit, one.warned, int(one.moment.gone), int(not one.moment.gone))
            for one in self.scored
        ]
        found = validate(said)
        return found.reliability if found else ()

    @property
    def validation(self) -> Validation | None:
        """What the last calibration says about the warnings, by the counts of the samples alone."""
        notes = self.calibrations[-1].churn_notes
        return notes.validation if notes else None


def walk(histories: Histories, policy: Policy, first_days: int, every_days: int) -> Walk:
    """Go through a data set, making a calibration `first_days` after its start and then `every_days`."""
    policy = replace(policy, churn=replace(policy.churn, horizon_days=histories.horizon // DAY))
    warn_from = LEVELS.index(policy.churn.warn_from)
    done = Walk([], [DEFAULT_CALIBRATION])
    models = [_compiled(policy, DEFAULT_CALIBRATION)]
    counts = done.counts
    waiting: list[tuple[int, str]] = []
    split = histories.start + first_days * DAY
    for moment in histories.moments:
        while moment.facts.at >= split:
            due = sum(at <= split for at, _ in waiting)
            counts.update(name for _, name in waiting[:due])
            del waiting[:due]
            done.calibrations.append(_calibrated(histories, policy, counts, split, done.calibrations[-1]))
            done.splits.append(split)
            models.append(_compiled(policy, done.calibrations[-1]))
            split += every_days * DAY
        model, facts = models[-1], moment.facts
        known = _arguments(facts)
        reasons = contributions(model, *known, activity=facts.activity)
        found, said = evidence(model, reasons, *known[:5]), weighed(model, reasons)
        warned = level(said, model.thresholds) >= warn_from
        sample = take(found, said, facts.at, warned=warned)
        known_at = facts.at + histories.horizon
        fields = outcome_fields(sample, facts.at if moment.gone else known_at)
        # The moments are in order of time, and so are their outcomes.
        waiting += [(known_at, name) for name in fields]
        if done.splits:
            done.scored.append(Scored(moment, said, warned, len(done.splits) - 1))
    done.losses = _losses(histories, done.splits, models[1:], warn_from)
    return done


def _calibrated(
    histories: Histories, policy: Policy, counts: Counter[str], at: int, previous: Calibration
) -> Calibration:
    alive = alive_of(histories.known(at), at, previous)
    weights = churn_weights([counts], at, previous, alive, policy.churn)
    return msgspec.structs.replace(
        previous,
        number=previous.number + 1,
        created_at=at,
        alive=alive,
        churn=weights.coefficients,
        churn_notes=weights.notes,
    )


def _compiled(policy: Policy, calibration: Calibration) -> ChurnModel:
    return compile_churn(policy, calibration.churn, calibration.alive)


def _losses(histories: Histories, splits: Sequence[int], models: Sequence[ChurnModel], warn_from: int) -> list[Loss]:
    found = []
    for customer, orders in enumerate(histories.orders):
        following = [*(facts.at for facts in orders[1:]), histories.end + 1]
        for facts, then in zip(orders, following, strict=bool(orders)):
            ends = facts.at + histories.horizon
            if facts.n and facts.last_at == facts.at >= splits[0] and then > ends <= histories.end:
                warned_at = _warned_at(facts, ends, splits, models, warn_from)
                lead = None if warned_at is None else (ends - warned_at) / DAY
                found.append(Loss(customer, lead))
    return found


def _warned_at(
    facts: Facts, ends: int, splits: Sequence[int], models: Sequence[ChurnModel], warn_from: int
) -> int | None:
    """The first moment of a silence at which the level is a warning, found as the timers find it."""
    at = facts.at
    number = sum(split <= at for split in splits) - 1
    while at <= ends:
        model = models[number]
        if level(_logit(model, facts, at), model.thresholds) >= warn_from:
            return at
        at = next_change(model, *_arguments(facts._replace(at=at)), activity=facts.activity)
        if number + 1 < len(splits) and splits[number + 1] <= at:
            number += 1
            at = splits[number]
    return None


def _arguments(facts: Facts) -> tuple[int, int, int, int, int, int, int]:
    return facts.n, facts.first_at, facts.last_at, facts.at, facts.tickets, facts.nps_score, facts.nps_at


def _logit(model: ChurnModel, facts: Facts, at: int) -> float:
    return logit(model, *_arguments(facts._replace(at=at)), activity=facts.activity)
