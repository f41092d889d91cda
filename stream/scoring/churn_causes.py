"""What those who were lost had in common: every piece of evidence, among the lost and among those who stayed.

A difference is no cause yet. It says where to look: what is far more frequent among the lost is either what drives them
away or what announces that they are going. The counts are those that the weights are learned from, so nothing is asked
of customers again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from stream.scoring.churn_samples import SIGNS, Counted, Evidence


class Trait(NamedTuple):
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
            sum(one.gone * value(one.evidence) for one in counted) / gone,
            sum(one.kept * value(one.evidence) for one in counted) / kept,
        )
        for name, value in TRAITS
    )


class Rates(NamedTuple):
    """How many are lost and won back, as shares; None where there is nobody they could be a share of."""

    churn: float | None
    """Lost, of those who could be: customers at the beginning and new ones."""
    win_back: float | None
    """Won back, of those lost at the beginning and since."""


def rates(customers: int, new: int, lost_before: int, lost: int, won_back: int) -> Rates:
    """Rates of a window of time.

    Parameters
    ----------
    customers
        Customers who were not lost at its beginning.
    new, lost, won_back
        First orders, losses and returns in it.
    lost_before
        Customers who were lost at its beginning.

    Examples
    --------
    >>> rates(customers=900, new=100, lost_before=100, lost=50, won_back=15)
    Rates(churn=0.05, win_back=0.1)
    """
    able, gone = customers + new, lost_before + lost
    return Rates(lost / able if able else None, won_back / gone if gone else None)


class ReasonShares(NamedTuple):
    """How often a reason was given: shares of the warned, the churned and the won back who had it."""

    code: str
    warned: float
    churned: float
    won_back: float


def reason_shares(reasons: dict[str, dict[str, int]], totals: dict[str, int]) -> tuple[ReasonShares, ...]:
    """Figures by reason, the most frequent among the churned first.

    Parameters
    ----------
    reasons
        Group (``warned``, ``churned``, ``won_back``) to reason to number of customers who had it.
    totals
        Group to number of customers.

    Examples
    --------
    >>> reasons = {"warned": {"gap": 40, "detractor": 5}, "churned": {"gap": 8, "detractor": 4}, "won_back": {"gap": 1}}
    >>> reason_shares(reasons, {"warned": 50, "churned": 10, "won_back": 2})[0]
    ReasonShares(code='gap', warned=0.8, churned=0.8, won_back=0.5)
    """
    codes = sorted({code for of_group in reasons.values() for code in of_group})

    def share(group: str, code: str) -> float:
        total = totals.get(group, 0)
        return reasons.get(group, {}).get(code, 0) / total if total else 0.0

    found = [ReasonShares(code, *(share(group, code) for group in ("warned", "churned", "won_back"))) for code in codes]
    return tuple(sorted(found, key=lambda one: (-one.churned, one.code)))
