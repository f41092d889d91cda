"""Weights of the churn evidence for the next calibration, from the samples that all shards have counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stream.scoring.alive import Params
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.churn_causes import compare
from stream.scoring.churn_learning import learn
from stream.scoring.churn_model import ChurnCoefficients
from stream.scoring.churn_policy import ChurnPolicy
from stream.scoring.churn_samples import read_counted, read_said
from stream.scoring.churn_validation import ChurnNotes, validate
from stream.scoring.units import DAY, WEEK


class ChurnWeights(NamedTuple):
    """Weights for the next calibration, and how they were found."""

    coefficients: ChurnCoefficients
    notes: ChurnNotes


def churn_weights(
    shards: Iterable[Mapping[str, int]], as_of: int, previous: Calibration, alive: Params, policy: ChurnPolicy
) -> ChurnWeights:
    """Learn the weights, or keep those in force where too little is known yet.

    Parameters
    ----------
    shards
        The histograms of each shard: field to count. Fields of other histograms are passed over.
    as_of
        Moment of the calibration, ms.
    previous
        The calibration in force.
    alive
        Parameters of P(alive) of the next calibration.
    policy
        Says how long customers are waited for.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy().churn
    >>> nothing = churn_weights([{"f:1": 9}], 0, DEFAULT_CALIBRATION, DEFAULT_CALIBRATION.alive, policy)
    >>> nothing.coefficients == DEFAULT_CALIBRATION.churn, nothing.notes.learned
    (True, False)
    """
    sums: dict[str, int] = {}
    for fields in shards:
        for field, count in fields.items():
            if field.startswith(("y:", "v:")):
                sums[field] = sums.get(field, 0) + count
    counted = read_counted(sums, as_of)
    # Drawn towards what is documented, not towards what was learned before: those samples are still among these.
    documented = DEFAULT_CALIBRATION.churn
    same_steps = len(documented.gap) == len(previous.churn.gap)
    prior = documented if same_steps else previous.churn
    learned = learn(counted, prior, alive, policy.horizon_days * DAY / WEEK)
    notes = ChurnNotes(
        learned=learned is not None,
        gone=sum(one.gone for one in counted),
        kept=sum(one.kept for one in counted),
        validation=validate(read_said(sums, as_of)),
        traits=compare(counted),
    )
    return ChurnWeights(previous.churn if learned is None else learned.coefficients, notes)
