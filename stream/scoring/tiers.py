"""High, mid, low: what a customer is worth, said without flapping.

The three scores become one value score from 0 to 100, two thresholds cut it. A customer at a threshold would
change tier with every order, and each change is a message to someone. Two brakes, both only on the way down:
a *margin* (who was said to be high stays high until the score is `margin` below the threshold) and a *minimum
stay* (a lower tier is said only after the higher one was held that long). Good news is said at once.

Tiers are handled by rank, their place in `TIERS`. There are 125 cells and 4 tiers that may have been said, so
all raw tiers are computed once per policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.scoring.rfm import CELLS
from stream.scoring.units import NEVER, ceil_to_second

if TYPE_CHECKING:
    # The policy checks its playbook, which speaks of tiers.
    from stream.scoring.policy import Policy

TIERS: Final = ("none", "low", "mid", "high")
"""Tiers from the lowest on. `none` is who has no order that counts."""

NONE, LOW, MID, HIGH = range(4)

# Weights like 0.2, 0.3, 0.5 leave noise in the last bits; a score of 45 must reach a threshold of 45.
SCORE_DECIMALS: Final = 9


def value_score(r: int, f: int, m: int, weights: tuple[float, float, float]) -> float:
    """Weighted mean of the three scores on a scale from 0 (all 1) to 100 (all 5).

    Parameters
    ----------
    r, f, m
        Scores 1 to 5.
    weights
        Of the three, above 0; only their proportions matter.

    Examples
    --------
    >>> value_score(5, 3, 1, (1, 1, 1)), value_score(5, 3, 1, (2, 1, 1))
    (50.0, 62.5)
    """
    parts = sum(weight * (score - 1) / 4 for weight, score in zip(weights, (r, f, m), strict=True))
    return round(100 * parts / sum(weights), SCORE_DECIMALS)


def raw_tier(score: float, said: int, policy: Policy) -> int:
    """Tier that the score calls for, given the tier said so far.

    Parameters
    ----------
    score
        Value score, 0 to 100.
    said
        Rank of the tier said so far; only the margin depends on it.

    Examples
    --------
    With thresholds 40 and 70 and a margin of 10, a score of 66 keeps a high tier and does not give one:

    >>> from stream.scoring.policy import default_policy
    >>> [TIERS[raw_tier(66, said, default_policy())] for said in (NONE, LOW, MID, HIGH)]
    ['mid', 'mid', 'mid', 'high']
    """
    if score >= policy.tier_high or (said == HIGH and score >= policy.tier_high - policy.tier_margin):
        return HIGH
    if score >= policy.tier_mid or (said >= MID and score >= policy.tier_mid - policy.tier_margin):
        return MID
    return LOW


def compile_tiers(policy: Policy) -> tuple[tuple[int, ...], ...]:
    """Raw tier for each tier said so far and each cell: ``table[said][cell(r, f, m)]``.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> from stream.scoring.rfm import cell
    >>> TIERS[compile_tiers(default_policy())[NONE][cell(5, 5, 4)]]
    'high'
    """
    return tuple(
        tuple(raw_tier(value_score(r, f, m, policy.weights), said, policy) for r, f, m in CELLS)
        for said in (NONE, LOW, MID, HIGH)
    )


def said_tier(raw: int, said: int, as_of: int, since: int, min_stay: int) -> int:
    """Tier that is said at `as_of`: the raw one, or the one said so far while its minimum stay lasts.

    Parameters
    ----------
    raw, said
        Ranks of the raw tier and of the tier said so far.
    as_of, since
        Now, and when the tier said so far was first said; milliseconds.
    min_stay
        Milliseconds.

    Examples
    --------
    >>> said_tier(LOW, HIGH, 999, 0, 1_000) == HIGH, said_tier(LOW, HIGH, 1_000, 0, 1_000) == LOW
    (True, True)
    """
    return said if held_until(raw, said, as_of, since, min_stay) != NEVER else raw


def held_until(raw: int, said: int, as_of: int, since: int, min_stay: int) -> int:
    """First whole second after the minimum stay that holds the raw tier back; `NEVER` where nothing does.

    Arguments as in `said_tier`. Losing the last order that counts (raw tier `none`) is said at once.

    Examples
    --------
    >>> held_until(LOW, HIGH, 500, 0, 1_500), held_until(HIGH, LOW, 500, 0, 1_500) == NEVER
    (2000, True)
    """
    held = NONE < raw < said and as_of < since + min_stay
    return ceil_to_second(since + min_stay) if held else NEVER
