"""What customers answered: NPS, CSAT, CSI and the ACSI-style index.

* **NPS**: percent of promoters (answers 9 and 10 to "would you recommend us", 0 to 10) minus percent of detractors
  (0 to 6). From -100 to 100.
* **CSAT**: answers 1 to 5 to "how satisfied are you"; their mean, and the percent of 4 and 5 (the top two boxes).
* **CSI**: the weighted mean of dimension scores (1 to 10) times 10. From 10 to 100.
* **ACSI-style**: three answers 1 to 10 (overall satisfaction, against expectations, against the ideal), as
  ``(X1 + X2 + X3 - 3) / 27 * 100``. From 0 to 100.

Aggregates are computed from counts and sums, which a rolling table adds up over any window and any grouping;
one customer's figure is that of their latest answer.

References
----------
Reichheld (2003), "The one number you need to grow", Harvard Business Review 81(12).

Fornell, Johnson, Anderson, Cha, Bryant (1996), "The American customer satisfaction index: nature, purpose, and
findings", Journal of Marketing 60(4). The index is theirs with equal weights for the three answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stream.scoring.table_reader import TableReader

DETRACTOR_MAX: Final = 6
"""Highest answer of a detractor."""
PROMOTER_MIN: Final = 9
"""Lowest answer of a promoter."""
NPS_RANGE: Final = (0, 10)

CSAT_RANGE: Final = (1, 5)
SATISFIED_MIN: Final = 4
"""Lowest answer of a satisfied customer."""

DIMENSION_RANGE: Final = (1, 10)
"""Answers to one dimension of the CSI, and to each of the three questions of the ACSI."""

ACSI_DIMENSIONS: Final = ("overall", "expectations", "ideal")
"""An answer with these three dimensions and no others is one to the questions of the ACSI."""

OTHER_WEIGHT: Final = 1.0
"""Weight of a dimension that the policy does not name."""


@dataclass(frozen=True, slots=True)
class SatisfactionPolicy:
    """What the dimensions of the CSI weigh."""

    weights: tuple[tuple[str, float], ...]
    """(dimension, weight), weight above 0; only the proportions matter, and others weigh `OTHER_WEIGHT`."""


def read(reader: TableReader) -> SatisfactionPolicy:
    """Read the section ``[satisfaction]``."""
    weights = reader.table("weights")
    policy = SatisfactionPolicy(
        weights=tuple((name, weights.number(name, above=0, maximum=1_000)) for name in weights.names())
    )
    reader.done()
    return policy


def nps_group(answer: float) -> str:
    """Group of an NPS answer, 0 to 10: ``promoter``, ``passive`` or ``detractor``.

    Examples
    --------
    >>> [nps_group(answer) for answer in (0, 6, 7, 8, 9, 10)]
    ['detractor', 'detractor', 'passive', 'passive', 'promoter', 'promoter']
    """
    _check("NPS", answer, NPS_RANGE)
    if answer >= PROMOTER_MIN:
        return "promoter"
    return "passive" if answer > DETRACTOR_MAX else "detractor"


def nps(promoters: int, passives: int, detractors: int) -> float | None:
    """Net promoter score of many answers, -100 to 100; none where nobody answered.

    Examples
    --------
    >>> nps(50, 30, 20), nps(0, 0, 0)
    (30.0, None)
    """
    answers = promoters + passives + detractors
    return 100 * (promoters - detractors) / answers if answers else None


def is_satisfied(answer: float) -> bool:
    """Whether a CSAT answer, 1 to 5, is in the top two boxes.

    Examples
    --------
    >>> is_satisfied(4), is_satisfied(3)
    (True, False)
    """
    _check("CSAT", answer, CSAT_RANGE)
    return answer >= SATISFIED_MIN


def csat_share(satisfied: int, answers: int) -> float | None:
    """Percent of satisfied customers among those who answered; none where nobody did.

    Examples
    --------
    >>> csat_share(3, 4)
    75.0
    """
    return 100 * satisfied / answers if answers else None


def mean(total: float, answers: int) -> float | None:
    """Mean answer from the sum and the number of answers, for CSAT, CSI and ACSI; none where nobody answered.

    Examples
    --------
    >>> mean(18, 4), mean(0, 0)
    (4.5, None)
    """
    return total / answers if answers else None


def csi(policy: SatisfactionPolicy, dimensions: Mapping[str, float]) -> float | None:
    """Customer satisfaction index of one answer, 10 to 100; none where no dimension was answered.

    Parameters
    ----------
    dimensions
        Score 1 to 10 of each dimension that was answered. One that was not does not weigh.

    Raises
    ------
    ValueError
        When a score is outside its range.

    Examples
    --------
    >>> policy = SatisfactionPolicy(weights=(("quality", 3.0),))
    >>> csi(policy, {"quality": 9, "delivery": 5})
    80.0
    """
    for name, score in dimensions.items():
        _check(f"dimension {name!r}", score, DIMENSION_RANGE)
    weights = dict(policy.weights)
    # By name, so that the order in which the dimensions came cannot change the last bit.
    weighed = [(weights.get(name, OTHER_WEIGHT), dimensions[name]) for name in sorted(dimensions)]
    total = sum(weight for weight, _ in weighed)
    return 10 * sum(weight * score for weight, score in weighed) / total if weighed else None


def acsi(overall: float, expectations: float, ideal: float) -> float:
    """ACSI-style index of one customer's three answers 1 to 10, from 0 to 100.

    Parameters
    ----------
    overall, expectations, ideal
        How satisfied altogether, how far expectations were met, how close to the ideal.

    Raises
    ------
    ValueError
        When an answer is outside its range.

    Examples
    --------
    >>> acsi(1, 1, 1), round(acsi(8, 7, 7), 2), acsi(10, 10, 10)
    (0.0, 70.37, 100.0)
    """
    for name, answer in (("overall", overall), ("expectations", expectations), ("ideal", ideal)):
        _check(f"ACSI {name}", answer, DIMENSION_RANGE)
    return (overall + expectations + ideal - 3) / 27 * 100


def index(policy: SatisfactionPolicy, dimensions: Mapping[str, float]) -> tuple[str, float] | None:
    """Index that the dimensions of one ``feedback.csi`` make: ``acsi`` or ``csi``, and its value.

    Examples
    --------
    >>> policy = SatisfactionPolicy(weights=())
    >>> index(policy, {"overall": 10, "expectations": 10, "ideal": 10}), index(policy, {"overall": 10, "ideal": 5})
    (('acsi', 100.0), ('csi', 75.0))
    """
    if set(dimensions) == set(ACSI_DIMENSIONS):
        return "acsi", acsi(*(dimensions[name] for name in ACSI_DIMENSIONS))
    value = csi(policy, dimensions)
    return None if value is None else ("csi", value)


def _check(name: str, answer: float, allowed: tuple[int, int]) -> None:
    lowest, highest = allowed
    if not lowest <= answer <= highest:
        raise ValueError(f"{name} = {answer!r}: must be from {lowest} to {highest}")
