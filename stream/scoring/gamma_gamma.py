"""What an order of a customer is worth: Gamma-Gamma.

The orders of a customer vary around a personal mean, and the means vary over customers; how often somebody orders says
nothing about what they spend. The expected value of a further order is then a weighted mean of the customer's own mean
and that of all, and leans on the customer the more orders it has.

References
----------
Fader, Hardie (2013), "The Gamma-Gamma model of monetary value", www.brucehardie.com/notes/025.
"""

from __future__ import annotations

import msgspec


class SpendParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Population parameters. An order ~ Gamma(p, nu), nu ~ Gamma(q, v)."""

    p: float
    """Regularity of a customer's own orders."""
    q: float
    """Likeness of customers; above 1, or their mean spend would be infinite."""
    v_minor: float
    """Scale, minor units of the base currency."""

    def __post_init__(self) -> None:
        for name, above in (("p", 0), ("q", 1), ("v_minor", 0)):
            if not above < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} = {getattr(self, name)}: must be above {above}")

    @property
    def mean_minor(self) -> float:
        """Expected value of an order of a customer of whom nothing is known, minor units."""
        return self.v_minor * self.p / (self.q - 1.0)


def expected_spend(spend: SpendParams, mean_minor: float, frequency: int) -> float:
    """Expected value of a further order.

    Parameters
    ----------
    mean_minor
        Mean value of the customer's orders, minor units; any where there are none.
    frequency
        How many orders that is the mean of.

    Returns
    -------
    Minor units, not rounded.

    Examples
    --------
    Two orders of 20 on average, in a population of 35:

    >>> cdnow = SpendParams(6.25, 3.74, 1_544)
    >>> round(cdnow.mean_minor), round(expected_spend(cdnow, 2_000, 2))
    (3522, 2274)
    """
    own = spend.p * frequency
    weight = own / (own + spend.q - 1.0)
    return (1.0 - weight) * spend.mean_minor + weight * mean_minor
