"""Orders and silent departures as one family of two models: BG/NBD and MBG/NBD.

While a customer stays, orders come at a personal rate; after some order they leave and nobody is told. Rates have a
Gamma distribution over customers, inclinations to leave a Beta distribution. The two models differ in one thing only:
MBG/NBD has one chance to leave more, right after the first order, so that one-time buyers may be gone too. Everything
here therefore takes the `Family` and counts chances; arrays of customers go in and come out.

A customer is (repeats, last, age): orders after the first, weeks from the first order to the last, weeks from the first
order to now. `stream.scoring.alive` has P(alive) for the hot path, where one customer is in hand; `bg_nbd_fit` learns
the parameters.

References
----------
Fader, Hardie, Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model", Marketing
Science 24(2), equations 7 to 10.

Batislam, Denizel, Filiztekin (2007), "Empirical validation and comparison of models for customer base analysis",
International Journal of Research in Marketing 24(3).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, expit, gammaln, hyp2f1, xlogy

from stream.scoring.alive import Params

Floats = NDArray[np.float64]


class Family(NamedTuple):
    """One of the two models."""

    name: str
    chances_at_start: int
    """Chances to leave that come with the first order."""


BG: Final = Family("BG/NBD", 0)
MBG: Final = Family("MBG/NBD", 1)

# The expected number of orders has a removable singularity at a = 1; a value this close to it differs by less.
_FROM_ONE: Final = 1e-6

_NODES: Final = 1_024
_TAIL: Final = 40.0


def log_odds_gone(family: Family, params: Params, repeats: ArrayLike, last: ArrayLike, age: ArrayLike) -> Floats:
    """Logarithm of the odds that customers have left; minus infinity where they had no chance to.

    Examples
    --------
    >>> cdnow = Params(0.243, 4.414, 0.793, 2.426)
    >>> [log_odds_gone(family, cdnow, [2, 0], [30.43, 0], 38.86).round(6).tolist() for family in (BG, MBG)]
    [[-0.977332, -inf], [-1.233435, -0.563463]]
    """
    r, alpha, a, b = params
    x, t_x, t = (np.asarray(column, float) for column in (repeats, last, age))
    chances = x + family.chances_at_start
    # One chance was taken, the others were not.
    left = np.log(a / np.where(chances > 0, b + chances - 1, 1.0))
    return np.where(chances > 0, left + (r + x) * np.log((alpha + t) / (alpha + t_x)), -np.inf)


def p_alive(family: Family, params: Params, repeats: ArrayLike, last: ArrayLike, age: ArrayLike) -> Floats:
    """Probability that customers are still active.

    Examples
    --------
    >>> cdnow = Params(0.243, 4.414, 0.793, 2.426)
    >>> p_alive(BG, cdnow, [2, 0], [30.43, 0], 38.86).round(6).tolist()
    [0.726579, 1.0]
    """
    return np.asarray(expit(-log_odds_gone(family, params, repeats, last, age)), np.float64)


def orders_if_alive(family: Family, params: Params, repeats: ArrayLike, age: ArrayLike, weeks: ArrayLike) -> Floats:
    """Orders expected in the next `weeks` of customers who are active now.

    When the last order was says only whether a customer is active, so it is no argument here.

    Examples
    --------
    >>> orders_if_alive(BG, Params(0.2426, 4.4136, 0.7929, 2.4259), 26, 31.0, 52).round(3).tolist()
    26.586
    """
    r, alpha, a, b = params
    if abs(a - 1) < _FROM_ONE:
        a = 1 + _FROM_ONE
    x, t, ahead = np.broadcast_arrays(*(np.asarray(column, float) for column in (repeats, age, weeks)))
    stays = b + x + family.chances_at_start
    share = ahead / (alpha + t + ahead)
    # Euler's transformation of the published form: its series converges however many orders there were.
    with np.errstate(all="ignore"):
        series = (1 - share) ** (a - 1) * hyp2f1(a - 1, a + stays - 1 - r - x, a + stays - 1, share)
        found = (a + stays - 1) / (a - 1) * (1 - series)
    # Close to share = 1, scipy's gamma functions overflow at large parameters.
    lost = ~np.isfinite(found)
    if lost.any():
        found = np.asarray(found)
        found[lost] = _integrated(a, stays[lost], r + x[lost], ahead[lost] / (alpha + t[lost]))
    return np.asarray(found, np.float64)


def _integrated(a: float, stays: Floats, orders: Floats, ahead: Floats) -> Floats:
    """The same as an integral over the inclination to leave p ~ Beta(a, stays); 1-d arrays, `ahead` in (alpha + age).

    Of a customer with inclination p, (1 - (1 + p ahead)**-orders) / p are expected. The trapezoid rule over the
    log-odds of p converges like a power series here, because the integrand and all its derivatives vanish at both ends.
    """
    at_once = orders * ahead
    ends = np.log(1 / np.maximum(stays, at_once)).min() - _TAIL / (a + 1), _TAIL / stays.min()
    nodes, step = np.linspace(*ends, _NODES, retstep=True)
    log_p, log_stay = -np.logaddexp(0, -nodes), -np.logaddexp(0, nodes)
    weights = np.exp(a * log_p + stays[:, None] * log_stay - betaln(a, stays)[:, None])
    p = np.exp(log_p)
    expected = -np.expm1(-orders[:, None] * np.log1p(p * ahead[:, None])) / p
    # What is missing against those who never leave: it falls off towards p = 0 also where `a` is tiny.
    return np.asarray(at_once - ((at_once[:, None] - expected) * weights).sum(axis=1) * step, np.float64)


def conditional_orders(
    family: Family, params: Params, repeats: ArrayLike, last: ArrayLike, age: ArrayLike, weeks: ArrayLike
) -> Floats:
    """Orders expected in the next `weeks`, given what customers did so far.

    Examples
    --------
    >>> conditional_orders(BG, Params(0.243, 4.414, 0.793, 2.426), 2, 30.43, 38.86, 39).round(3).tolist()
    1.226
    """
    return p_alive(family, params, repeats, last, age) * orders_if_alive(family, params, repeats, age, weeks)


def expected_orders(family: Family, params: Params, weeks: ArrayLike) -> Floats:
    """Repeat orders expected in the `weeks` after the first order of a customer of whom nothing is known.

    Examples
    --------
    >>> expected_orders(BG, Params(0.2426, 4.4136, 0.7929, 2.4259), 52).round(3).tolist()
    1.444
    """
    return conditional_orders(family, params, 0.0, 0.0, 0.0, weeks)


def repeat_shares(family: Family, params: Params, weeks: ArrayLike, most: int) -> Floats:
    """Probability of exactly 0, 1 … `most` repeat orders in the `weeks` after the first.

    Parameters
    ----------
    weeks
        Shape ``(n,)``.

    Returns
    -------
    Shape ``(most + 1, n)``; what is missing to 1 in a column is the probability of more.

    Examples
    --------
    >>> repeat_shares(BG, Params(0.243, 4.414, 0.793, 2.426), [39], 1).round(4).tolist()
    [[0.5738], [0.1994]]
    """
    r, alpha, a, b = params
    t = np.asarray(weeks, float)
    x = np.arange(most + 1.0)[:, None]
    # Orders of customers who never leave: negative binomial.
    staying = np.exp(
        gammaln(r + x) - gammaln(r) - gammaln(x + 1) + r * np.log(alpha / (alpha + t)) + xlogy(x, t / (alpha + t))
    )
    fewer = np.cumsum(staying, axis=0) - staying
    chances = x + family.chances_at_start
    stayed = np.exp(betaln(a, b + chances) - betaln(a, b))
    left = np.where(chances > 0, np.exp(betaln(a + 1, b + np.maximum(chances - 1, 0)) - betaln(a, b)), 0.0)
    return np.asarray(stayed * staying + left * (1 - fewer), np.float64)
