"""Parameters of Gamma-Gamma by maximum likelihood, kept from running away.

Where the orders of each customer are all worth the same, or all customers are alike, the likelihood has no maximum. As
in `bg_nbd_fit`, the logarithms of the parameters have a weak normal prior and bounds, and a fit that ends at one is
flagged.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, digamma, gammaln

from stream.scoring.bg_nbd import Floats
from stream.scoring.bg_nbd_fit import FLAT, ITERATIONS_MAX, SPREAD, misplaced
from stream.scoring.gamma_gamma import SpendParams

LEAST: Final = (1e-2, 1e-2)
MOST: Final = (1e4, 1e4)
"""Bounds of p and of q - 1."""

SCALE_BOUND: Final = 1e4
"""How many times above or below the mean order `v` may be."""

FIFTHS: Final = 5
_AT_BOUND: Final = 1.001


class SpendFit(NamedTuple):
    """Parameters found."""

    params: SpendParams
    log_likelihood: float
    """Of means in minor units."""
    flags: tuple[str, ...]
    """What is wrong with them, in words; empty where they can be used."""


def fit_spend(mean_minor: ArrayLike, frequency: ArrayLike) -> SpendFit:
    """Most likely parameters under the weak prior.

    Parameters
    ----------
    mean_minor
        Mean order of each customer, minor units, above 0; ``(n,)`` with n at least 1.
    frequency
        How many orders that is the mean of, above 0; ``(n,)``.

    Examples
    --------
    >>> found = fit_spend([2_000, 3_500, 9_000], [3, 2, 4])
    >>> 2_000 < found.params.mean_minor < 9_000
    True
    """
    m, x = np.asarray(mean_minor, float), np.asarray(frequency, float)
    likelihood = _Likelihood(m, x)
    centre = np.log([1.0, 1.0, m.mean()])
    bounds = [*zip(np.log(LEAST), np.log(MOST), strict=True), centre[2] + np.log([1 / SCALE_BOUND, SCALE_BOUND])]

    def loss(logarithms: Floats) -> tuple[float, Floats]:
        p, above, v = np.exp(logarithms).tolist()
        value, slope = likelihood.at(p, 1 + above, v)
        off = (logarithms - centre) / SPREAD
        return float(-(value - off @ off / 2) / len(m)), -(slope * (p, above, v) - off / SPREAD) / len(m)

    from scipy.optimize import minimize  # noqa: PLC0415 - a sixth of the start of a worker, that fits nothing then

    found = minimize(
        loss,
        centre,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": ITERATIONS_MAX, "ftol": FLAT, "gtol": 1e-9},
    )
    p, above, v = np.exp(found.x).tolist()
    flags = [
        f"{name} is at its bound, {value:g}"
        for name, value, low, high in zip(("p", "q", "v"), (p, 1 + above, v), *np.transpose(bounds), strict=True)
        if not np.exp(low) * _AT_BOUND < (value - 1 if name == "q" else value) < np.exp(high) / _AT_BOUND
    ]
    if not found.success:
        flags.append("the search did not come to an end")
    return SpendFit(SpendParams(p, 1 + above, v), likelihood.at(p, 1 + above, v)[0], tuple(flags))


def spend_misplaced(params: SpendParams, mean_minor: ArrayLike, frequency: ArrayLike) -> float:
    """Share of customers in a wrong fifth of what the model expects of customers with as many orders.

    Given the number of orders, ``x m / (x m + v)`` of a mean m is Beta(p x, q); its fifths hold as many each where the
    model is right.
    """
    m, x = np.asarray(mean_minor, float), np.asarray(frequency, float)
    place = betainc(params.p * x, params.q, x * m / (x * m + params.v_minor))
    actual = np.bincount(np.minimum(place * FIFTHS, FIFTHS - 1).astype(int), minlength=FIFTHS).astype(float)
    return misplaced(actual, np.full(FIFTHS, len(m) / FIFTHS))


class _Likelihood:
    """Log-likelihood and its slope. Gamma functions depend on the number of orders alone, so there are few of them."""

    def __init__(self, mean: Floats, frequency: Floats) -> None:
        self._total = mean * frequency
        self._log_total = np.log(self._total)
        self._log_means = float(np.log(mean).sum())
        self._x, self._at, counts = np.unique(frequency, return_inverse=True, return_counts=True)
        self._with = counts.astype(float)

    def at(self, p: float, q: float, v: float) -> tuple[float, Floats]:
        """Value, and derivatives by p, q, v."""
        x, alike = self._x, self._with
        orders = p * x[self._at]
        both = np.log(self._total + v)
        size = len(orders)
        value = (
            alike @ (gammaln(p * x + q) - gammaln(p * x))
            + size * (q * np.log(v) - gammaln(q))
            + orders @ (self._log_total - both)
            - q * both.sum()
            - self._log_means
        )
        sums = alike @ digamma(p * x + q)
        by_p = alike @ (x * (digamma(p * x + q) - digamma(p * x))) + x[self._at] @ (self._log_total - both)
        by_q = sums - size * digamma(q) + size * np.log(v) - both.sum()
        by_v = size * q / v - ((orders + q) / (self._total + v)).sum()
        return float(value), np.array([by_p, by_q, by_v])
