"""Is this customer still with us?  P(alive) under MBG/NBD, one customer at a time.

A customer orders at a personal rate until, after some order, they silently leave. The population's rates and
inclinations to leave have a distribution each; given when a customer ordered first and last, how often, and
how long ago it all began, Bayes' rule gives the probability that they have not left. MBG/NBD lets a customer
leave after the first order too and is what churn is built on; BG/NBD does not, and calls every one-time buyer
alive for ever. `stream.scoring.bg_nbd` has both, to compare with.

Everything is kept on the log-odds scale, for one customer at a time: five hundred orders and two silent years
overflow a plain power, the churn score adds its other evidence on the same scale, and the hot path has one
customer in hand. `log_odds_gone` rises with silence and has a closed inverse in time, `age_at_log_odds`, so
the moment at which a customer crosses a level can be put on a timer.

References
----------
Fader, Hardie, Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model",
Marketing Science 24(2).

Batislam, Denizel, Filiztekin (2007), "Empirical validation and comparison of models for customer base
analysis", International Journal of Research in Marketing 24(3).
"""

from __future__ import annotations

from math import exp, inf, log
from typing import Final, NamedTuple

# Beyond this an age in weeks times e**exponent is later than any date, and `exp` would soon overflow.
EXPONENT_MAX: Final = 500.0

IDLE_MIN: Final = -40.0
RHYTHM_MAX: Final = 8.0
"""Odds of 3 000 to 1."""


class Params(NamedTuple):
    """Population parameters. Orders per week ~ Gamma(r, alpha); leaving after an order ~ Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float


def log_odds_gone(params: Params, repeats: float, last: float, age: float) -> float:
    """Logarithm of the odds that a customer has left, under MBG/NBD.

    Parameters
    ----------
    repeats
        Orders after the first.
    last
        Weeks from the first order to the last; 0 where there is one order.
    age
        Weeks from the first order to now; never below `last`.

    Examples
    --------
    >>> round(log_odds_gone(Params(0.243, 4.414, 0.793, 2.426), 2, 30.43, 38.86), 6)
    -1.233435
    """
    r, alpha, a, b = params
    return log(a / (b + repeats)) + (r + repeats) * log((alpha + age) / (alpha + last))


def log_odds_idle(params: Params, repeats: float, age: float, horizon: float) -> float:
    """Logarithm of the odds that a customer who is still active orders nothing within a horizon.

    The rate of a customer with `repeats` repeat orders in `age` weeks is Gamma(r + repeats, alpha + age); integrating
    the Poisson probability of no order over it gives ((alpha + age) / (alpha + age + horizon)) ** (r + repeats).

    Parameters
    ----------
    repeats
        Orders after the first.
    age, horizon
        Weeks from the first order, and weeks to wait from then on; above 0.

    Examples
    --------
    Two repeat orders in 30 weeks: for twelve and a half weeks more the odds are even.

    >>> cdnow = Params(0.243, 4.414, 0.793, 2.426)
    >>> [round(log_odds_idle(cdnow, 2, 30.43, weeks), 2) for weeks in (8, 12.6, 52)]
    [0.53, 0.0, -1.91]
    """
    idle = (params.r + repeats) * log((params.alpha + age) / (params.alpha + age + horizon))
    # Beyond it, 1 - e**idle is 1 to a double.
    return idle - log(1 - exp(idle)) if idle > IDLE_MIN else idle


def rhythm(params: Params, repeats: float, last: float, horizon: float) -> float:
    """The same at the last order, kept within `RHYTHM_MAX` either way.

    The model takes a customer's rate as the same for ever, and would be too sure of those with very many orders.

    Parameters
    ----------
    repeats
        Orders after the first.
    last, horizon
        Weeks from the first order to the last, and weeks to wait from then on; the horizon above 0.
    """
    return min(max(log_odds_idle(params, repeats, last, horizon), -RHYTHM_MAX), RHYTHM_MAX)


def quiet(params: Params, last: float, age: float) -> float:
    """How far a silence has gone: logarithm of (alpha + age) / (alpha + last), 0 at the last order.

    Parameters
    ----------
    last, age
        Weeks from the first order to the last, and to now.
    """
    return log((params.alpha + age) / (params.alpha + last))


def p_alive(params: Params, repeats: int, last: float, age: float) -> float:
    """Probability that a customer is still active, under MBG/NBD; arguments as in `log_odds_gone`.

    Examples
    --------
    Two repeat orders, the last 8 weeks ago; and one order 39 weeks ago:

    >>> cdnow = Params(0.243, 4.414, 0.793, 2.426)
    >>> round(p_alive(cdnow, 2, 30.43, 38.86), 6), round(p_alive(cdnow, 0, 0.0, 38.86), 6)
    (0.774419, 0.637253)
    """
    return probability(-log_odds_gone(params, repeats, last, age))


def age_at_log_odds(params: Params, repeats: int, last: float, level: float) -> float:
    """Age in weeks at which `log_odds_gone` reaches `level` if no further order comes.

    The inverse of `log_odds_gone` in its last argument. Where the level is reached before the last order (few
    orders, a low level), the age returned is not above `last`; infinite where it is beyond all dates.

    Examples
    --------
    >>> cdnow = Params(0.243, 4.414, 0.793, 2.426)
    >>> age = age_at_log_odds(cdnow, 2, 30.43, 0.0)
    >>> round(p_alive(cdnow, 2, 30.43, age), 12)
    0.5
    """
    r, alpha, a, b = params
    exponent = (level - log(a / (b + repeats))) / (r + repeats)
    return (alpha + last) * exp(exponent) - alpha if exponent < EXPONENT_MAX else inf


def probability(log_odds: float) -> float:
    """Probability of log-odds, without overflow at either end.

    Examples
    --------
    >>> probability(0.0), probability(1e9), probability(-1e9)
    (0.5, 1.0, 0.0)
    """
    if log_odds >= 0:
        return 1 / (1 + exp(-log_odds))
    odds = exp(log_odds)
    return odds / (1 + odds)


def log_odds(probability: float) -> float:
    """Log-odds of a probability inside (0, 1).

    Examples
    --------
    >>> log_odds(0.5), round(log_odds(0.95), 6)
    (0.0, 2.944439)
    """
    return log(probability / (1 - probability))
