"""What those who were lost had in common: every piece of evidence, among the lost and among those who stayed.

A difference is no cause yet. It says where to look: what is far more frequent among the lost is either what drives them
away or what announces that they are going. The counts are those that the weights are learned from, so nothing is asked
of customers again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from stream.scoring.churn_samples import SIGNS, Counted, Evidence

DECIMALS: Final = 6


class Trait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece of evidence: its mean among the samples that were lost, and among those kept."""

    name: str
    gone: float
    kept: float


def _has(bit: int) -> Callable[[Evidence], float]:
    return lambda evidence: float(evidence.signs >> bit & 1)


TRAITS: Final[tuple[tuple[str, Callable[[Evidence], float]], ...]] = (
    ("orders", lambda evidence: evidence.repeats + 1),
    ("weeks_since_first_order", lambda evidence: evidence.age),
    ("weeks_since_last_order", lambda evidence: evidence.age - evidence.last),
    ("gap_step", lambda evidence: float(evidence.gap_step)),
    ("open_complaints", lambda evidence: float(evidence.complaints)),
    *((name, _has(bit)) for bit, name in enumerate(SIGNS)),
)
"""What is compared, in the order it is told. Signs, which are there or not, have a share for a mean."""


def compare(counted: Sequence[Counted]) -> tuple[Trait, ...]:
    """Means of the evidence among the lost and the kept; empty where there are none of either.

    Examples
    --------
    >>> unhappy, fine = Evidence(4, 20.0, 30.0, signs=1), Evidence(9, 20.0, 30.0)
    >>> traits = compare([Counted(180, unhappy, gone=9, kept=1), Counted(180, fine, gone=1, kept=9)])
    >>> [(trait.name, trait.gone, trait.kept) for trait in traits if trait.gone != trait.kept]
    [('orders', 5.5, 9.5), ('detractor', 0.9, 0.1)]
    """
    gone, kept = sum(one.gone for one in counted), sum(one.kept for one in counted)
    if not gone or not kept:
        return ()
    return tuple(
        Trait(
            name,
            round(sum(one.gone * value(one.evidence) for one in counted) / gone, DECIMALS),
            round(sum(one.kept * value(one.evidence) for one in counted) / kept, DECIMALS),
        )
        for name, value in TRAITS
    )
