"""How far has the population moved since the cut-points were taken?

A calibration cuts customers into fifths. As the shop changes, the fifths stop being fifths: the scores then say less
and less, and tiers fill or empty for no reason of the customers' own. The population stability index puts one figure
on that, score by score: the sum, over the five bins, of the change of the share times its logarithm. It is a
symmetrised Kullback-Leibler divergence, so it is never negative, and 0 only where nothing moved.

By the custom of credit scoring, below 0.1 is no change worth acting on, and from 0.25 on new cut-points are due.

References
----------
Siddiqi (2006), "Credit Risk Scorecards", Wiley, p. 136: the index and its two thresholds. Kullback, Leibler (1951),
"On information and sufficiency", Annals of Mathematical Statistics 22(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final

MOVED: Final = 0.1
"""Index from which a population has moved."""

SHARE_MIN: Final = 1e-4
"""A smaller share counts as this: an empty bin would make the index infinite."""


def psi(before: Sequence[float], now: Sequence[float]) -> float:
    """Population stability index between two lists of shares.

    Parameters
    ----------
    before, now
        Share of customers in each bin, adding up to 1; equally many bins.

    Returns
    -------
    The index, in natural logarithms; at least 0.

    Raises
    ------
    ValueError
        When there are not equally many bins.

    Examples
    --------
    >>> psi((0.2, 0.2, 0.2, 0.2, 0.2), (0.2, 0.2, 0.2, 0.2, 0.2))
    0.0
    >>> round(psi((0.2, 0.2, 0.2, 0.2, 0.2), (0.1, 0.15, 0.2, 0.25, 0.3)), 4)
    0.1354
    """
    if len(before) != len(now):
        raise ValueError(f"{len(before)} bins before and {len(now)} now: they must be the same bins")
    pairs = ((max(was, SHARE_MIN), max(is_, SHARE_MIN)) for was, is_ in zip(before, now, strict=True))
    return sum((is_ - was) * log(is_ / was) for was, is_ in pairs)
