"""Parameters of BG/NBD and MBG/NBD by maximum likelihood, kept from running away.

The likelihood of either model has no maximum where nobody seems to leave: it rises for ever as `a` falls towards 0 and
`b` rises. So the logarithms of the parameters have a weak normal prior, and bounds. Where the customers say something,
neither is felt: on CDNOW the prior moves no parameter by two parts in a thousand. Where they do not, the fit ends all
the same, and is flagged.

The gradient is exact, and customers who are alike are counted, so fifty thousand take seconds. Equal customers give
equal parameters, whatever the order they come in.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, gammaln

from stream.scoring.alive import Params
from stream.scoring.bg_nbd import Family, Floats, p_alive, repeat_shares

SPREAD: Final = 10.0
"""Standard deviation of the prior on the natural logarithm of each parameter."""

LEAST: Final = Params(1e-3, 1e-3, 1e-4, 1e-4)
MOST: Final = Params(1e3, 1e5, 1e3, 1e3)
"""Bounds of the search; `alpha` in weeks."""

GONE_MIN: Final = 0.005
"""Share of the customers who have left so far, by the model itself, below which nobody is seen to leave."""

LEAVING_FLAG: Final = "nobody is seen to leave"

ITERATIONS_MAX: Final = 500
FLAT: Final = 1e-12
"""Relative change of the likelihood at which a search has come to its end."""
_AT_BOUND: Final = 1.001


class Grouped(NamedTuple):
    """Customers who are alike, and how many of each; four columns ``(n,)``, times in weeks."""

    repeats: Floats
    last: Floats
    age: Floats
    alike: Floats


class Fit(NamedTuple):
    """Parameters found."""

    params: Params
    log_likelihood: float
    flags: tuple[str, ...]
    """What is wrong with them, in words; empty where they can be used."""


def grouped(repeats: ArrayLike, last: ArrayLike, age: ArrayLike) -> Grouped:
    """Put equal customers together; columns ``(n,)`` as in `bg_nbd`.

    Examples
    --------
    >>> grouped([0, 2, 0], [0, 1.5, 0], [4, 4, 4]).alike.tolist()
    [2.0, 1.0]
    """
    rows, alike = np.unique(np.column_stack((repeats, last, age)).astype(float), axis=0, return_counts=True)
    x, t_x, t = rows.T
    return Grouped(x, t_x, t, alike.astype(float))


def fit(family: Family, customers: Grouped) -> Fit:
    """Most likely parameters under the weak prior; at least one customer.

    Examples
    --------
    Two of three never came again, the third did at once and then stayed away:

    >>> from stream.scoring.bg_nbd import MBG
    >>> found = fit(MBG, grouped([0, 0, 1], [0, 0, 1], [50, 50, 50]))
    >>> all(0 < value < 1_000 for value in found.params)
    True
    """
    likelihood = _Likelihood(family, customers)
    size = customers.alike.sum()
    centre = np.log([1.0, max(LEAST.alpha, np.average(customers.age, weights=customers.alike)), 1.0, 1.0])

    def loss(logarithms: Floats) -> tuple[float, Floats]:
        params = np.exp(logarithms)
        value, slope = likelihood.at(Params(*params.tolist()))
        off = (logarithms - centre) / SPREAD
        return float(-(value - off @ off / 2) / size), -(slope * params - off / SPREAD) / size

    from scipy.optimize import minimize  # noqa: PLC0415 - a sixth of the start of a worker, that fits nothing then

    found = minimize(
        loss,
        centre,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(np.log(LEAST), np.log(MOST), strict=True)),
        options={"maxiter": ITERATIONS_MAX, "ftol": FLAT, "gtol": 1e-9},
    )
    params = Params(*np.exp(found.x).tolist())
    gone = 1 - p_alive(family, params, customers.repeats, customers.last, customers.age)
    flags = _flags(params, float(np.average(gone, weights=customers.alike)), converged=bool(found.success))
    return Fit(params, likelihood.at(params)[0], tuple(flags))


def log_likelihood(family: Family, params: Params, customers: Grouped) -> float:
    """Logarithm of the likelihood of what customers did, without the prior."""
    return _Likelihood(family, customers).at(params)[0]


def repeat_counts(family: Family, params: Params, customers: Grouped, most: int = 7) -> tuple[Floats, Floats]:
    """Customers with 0, 1 … repeat orders, `most` and more in the last column: how many there are, and are expected.

    Returns
    -------
    Two arrays ``(most + 1,)`` with the same sum.
    """
    columns = np.minimum(customers.repeats, most).astype(int)
    actual = np.bincount(columns, customers.alike, most + 1).astype(np.float64)
    shares = repeat_shares(family, params, customers.age, most - 1)
    expected = shares @ customers.alike
    return actual, np.append(expected, actual.sum() - expected.sum())


def misplaced(actual: Floats, expected: Floats) -> float:
    """Share of customers in a wrong column: the least that would have to change column to make both tables equal.

    Examples
    --------
    >>> misplaced(np.array([50.0, 30, 20]), np.array([60.0, 25, 15]))
    0.1
    """
    return float(np.abs(actual - expected).sum() / 2 / actual.sum())


def _flags(params: Params, gone: float, *, converged: bool) -> list[str]:
    found = []
    if gone < GONE_MIN:
        found.append(f"{LEAVING_FLAG}, {gone:.2%} of the customers have")
    for name, value, least, most in zip(Params._fields, params, LEAST, MOST, strict=True):
        if not least * _AT_BOUND < value < most / _AT_BOUND:
            found.append(f"{name} is at its bound, {value:g}")
    if not converged:
        found.append("the search did not come to an end")
    return found


class _Likelihood:
    """Log-likelihood and its slope. Gamma functions depend on the repeat orders alone, so there are few of them."""

    def __init__(self, family: Family, customers: Grouped) -> None:
        self._customers = customers
        self._x, self._at = np.unique(customers.repeats, return_inverse=True)
        self._with_x = np.bincount(self._at, customers.alike)
        self._chances = self._x + family.chances_at_start
        self._could = self._chances > 0

    def at(self, params: Params) -> tuple[float, Floats]:
        """Value, and derivatives by r, alpha, a, b."""
        r, alpha, a, b = params
        _, t_x, t, alike = self._customers
        x, at, k, with_x = self._x, self._at, self._chances, self._with_x
        before_last = np.where(self._could, b + k - 1, 1.0)
        left = np.where(self._could, np.log(a / before_last), -np.inf)
        until_now = np.log(alpha + t)
        silence = until_now - np.log(alpha + t_x)
        orders = r + x[at]
        log_odds = left[at] + orders * silence
        # exp and log are what takes the time: of the smaller odds once, for the likelihood and for its slope.
        odds = np.exp(-np.abs(log_odds))
        both_ways = np.maximum(log_odds, 0) + np.log1p(odds)
        value = with_x @ (gammaln(r + x) - gammaln(r) + betaln(a, b + k) - betaln(a, b) + r * np.log(alpha)) + alike @ (
            both_ways - orders * until_now
        )
        gone = alike * np.where(log_odds > 0, 1, odds) / (1 + odds)
        gone_x = np.bincount(at, gone)
        by_r = with_x @ (digamma(r + x) - digamma(r)) + alike @ (np.log(alpha) - until_now) + gone @ silence
        by_alpha = alike @ (r / alpha - orders / (alpha + t)) + gone @ (orders * (1 / (alpha + t) - 1 / (alpha + t_x)))
        both = digamma(a + b) - digamma(a + b + k)
        by_a = with_x @ both + gone.sum() / a
        by_b = with_x @ (digamma(b + k) - digamma(b) + both) - gone_x @ (self._could / before_last)
        return float(value), np.array([by_r, by_alpha, by_a, by_b])
