"""Weights of the churn evidence, learned from samples whose outcome is known.

Penalised logistic regression on counts: the weights that make the outcomes most likely, drawn towards what was
documented before anything was learned. With few samples they stay near it, with many the samples decide. Bounds hold
what everybody may rely on: no evidence speaks for a customer who shows it, a longer silence is no comfort, and P(alive)
always counts, so that silence has an end in sight.

The regression is convex, starts from the same place and adds up in the same order, so equal counts give equal weights.

References
----------
Hastie, Tibshirani, Friedman (2009), "The elements of statistical learning", 2nd edition, section 4.4: logistic
regression, and its penalised form. A normal prior on each weight is the same as a squared penalty (section 3.4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from stream.scoring.alive import Params, log_odds_gone, quiet, rhythm
from stream.scoring.churn_model import ChurnCoefficients
from stream.scoring.churn_samples import SIGNS, Counted, Evidence

OUTCOMES_MIN: Final = 50
"""Customers lost, and customers kept, that are needed each before anything is learned."""

P_ALIVE_MIN: Final = 0.05
"""Least weight of P(alive)."""

BIAS_SPREAD: Final = 3.0
WEIGHT_SPREAD: Final = 1.0
"""Standard deviations of the priors: a weight may well differ from what was documented by its own size."""

ITERATIONS_MAX: Final = 1_000
DECIMALS: Final = 6


class Learned(NamedTuple):
    """Weights, and what they were learned from."""

    coefficients: ChurnCoefficients
    gone: int
    kept: int


def learn(counted: Sequence[Counted], prior: ChurnCoefficients, alive: Params, horizon_weeks: float) -> Learned | None:
    """Learn the weights.

    Parameters
    ----------
    counted
        Samples with their outcome.
    prior
        What the weights are drawn towards; it says how many steps the gap table has.
    alive
        Parameters of P(alive) that the weights will be used with.
    horizon_weeks
        How long customers were waited for.

    Returns
    -------
    None where fewer than `OUTCOMES_MIN` were lost, or kept: then what is in force stays so.

    Examples
    --------
    The longer the silence, the more are lost:

    >>> from stream.scoring.calibration import DEFAULT_CALIBRATION
    >>> from stream.scoring.churn_samples import Evidence
    >>> counted = [
    ...     Counted(190, Evidence(3, 20.0, 20.0 + 4 * more), 20 + 20 * more, 80 - 20 * more) for more in range(4)
    ... ]
    >>> learned = learn(counted, DEFAULT_CALIBRATION.churn, DEFAULT_CALIBRATION.alive, 60 / 7)
    >>> learned.gone, learned.kept, round(learned.coefficients.p_alive, 2)
    (200, 200, 1.89)
    """
    gone, kept = sum(one.gone for one in counted), sum(one.kept for one in counted)
    if min(gone, kept) < OUTCOMES_MIN:
        return None
    rows = np.array([_row(one.evidence, len(prior.gap), alive, horizon_weeks) for one in counted])
    lost = np.array([one.gone for one in counted], np.float64)
    samples = lost + np.array([one.kept for one in counted], np.float64)
    start, lowest = _vector(prior), _lowest(len(prior.gap))
    spread = np.full(len(start), WEIGHT_SPREAD)
    spread[0] = BIAS_SPREAD

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = rows @ weights
        off = (weights - start) / spread
        value = float(np.sum(samples * np.logaddexp(0.0, logits) - lost * logits) + off @ off / 2)
        return value, rows.T @ (samples * expit(logits) - lost) + off / spread

    from scipy.optimize import minimize  # noqa: PLC0415 - a sixth of the start of a worker, that fits nothing then

    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(low, None) for low in lowest],
        options={"maxiter": ITERATIONS_MAX, "ftol": 1e-12, "gtol": 1e-8},
    )
    weights = np.maximum(np.asarray(found.x, np.float64), lowest)
    return Learned(_coefficients(weights, len(prior.gap)), gone, kept)


# The order of the weights: bias, p_alive, rhythm, quiet, complaint, the signs, and what each gap step adds to the one
# before, so that steps which never fall are increments which are never below 0.


def _row(seen: Evidence, steps: int, alive: Params, horizon_weeks: float) -> list[float]:
    signs = [float(seen.signs >> bit & 1) for bit in range(len(SIGNS))]
    reached = [float(seen.gap_step > step) for step in range(steps)]
    return [
        1.0,
        log_odds_gone(alive, seen.repeats, seen.last, seen.age),
        rhythm(alive, seen.repeats, seen.last, horizon_weeks),
        quiet(alive, seen.last, seen.age),
        float(seen.complaints),
        *signs,
        *reached,
    ]


def _vector(prior: ChurnCoefficients) -> NDArray[np.float64]:
    increments = np.diff((0.0, *prior.gap))
    signs = [getattr(prior, field) for field in SIGNS]
    return np.array([prior.bias, prior.p_alive, prior.rhythm, prior.quiet, prior.complaint, *signs, *increments])


def _lowest(steps: int) -> NDArray[np.float64]:
    return np.array([-np.inf, P_ALIVE_MIN, 0.0, 0.0, 0.0, *[0.0] * (len(SIGNS) + steps)])


def _coefficients(weights: NDArray[np.float64], steps: int) -> ChurnCoefficients:
    # Rounded, because the last digits are noise of the search; what never fell does not fall by rounding.
    bias, p_alive, rhythm, quiet, complaint, *rest = (round(float(weight), DECIMALS) for weight in weights)
    signs, increments = rest[: len(SIGNS)], weights[len(weights) - steps :]
    return ChurnCoefficients(
        bias=bias,
        p_alive=p_alive,
        gap=tuple(round(float(weight), DECIMALS) for weight in np.cumsum(increments)),
        complaint=complaint,
        rhythm=rhythm,
        quiet=quiet,
        **dict(zip(SIGNS, signs, strict=True)),
    )
