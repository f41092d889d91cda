"""Parameters of P(alive) as a calibration would learn them, with its chain of fallbacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stream.calibration.models import learn
from stream.calibration.sample import Sample
from stream.scoring.alive import Params
from stream.scoring.calibration import Calibration
from stream.scoring.policy import default_policy
from stream.scoring.units import WEEK
from tests.evaluation.churn.histories import Facts


def alive_of(known: Sequence[Facts], at: int, previous: Calibration) -> Params:
    """Learn from the facts of all customers at a moment; what money says plays no part."""
    ordered = [facts for facts in known if facts.n]
    nothing = np.zeros(len(ordered), np.int64)
    sample = Sample(
        repeats=np.array([facts.n - 1 for facts in ordered], np.int64),
        last=np.array([(facts.last_at - facts.first_at) / WEEK for facts in ordered]),
        age=np.array([(at - facts.first_at) / WEEK for facts in ordered]),
        frequency=nothing,
        monetary=nothing,
        profit=nothing,
        orders=nothing,
        returned=nothing,
    )
    return learn(sample, previous, default_policy().clv).alive
