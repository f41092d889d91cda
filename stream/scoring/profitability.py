"""What a customer leaves after costs: margin on the window's revenue, less discounts, returns and service.

The platform sends discounts, returns and contacts; what a return or a contact costs, and what share of revenue is
margin, is decided in the policy. All is counted in whole minor units, and the one product with a fraction is rounded
half to even, so that nothing is gained or lost by rounding on the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stream.scoring.table_reader import PolicyError, TableReader

BASIS_POINTS: Final = 10_000
COST_MINOR_MAX: Final = 10**9


@dataclass(frozen=True, slots=True)
class ProfitabilityPolicy:
    """Margin and costs."""

    margin_basis_points: int
    """Share of revenue that is left after the goods, in ten-thousandths."""
    return_cost_minor: int
    """Of one order with something given back, or cancelled; minor units."""
    contact_cost_minor: int
    """Of one contact with service: a complaint or a consultation opened; minor units."""

    def __post_init__(self) -> None:
        if not 0 <= self.margin_basis_points <= BASIS_POINTS:
            raise PolicyError("policy: profitability.gross_margin: must be from 0 to 1")


def profit_minor(
    revenue_minor: int, discounts_minor: int, returns: int, contacts: int, policy: ProfitabilityPolicy
) -> int:
    """Profit in minor units; below 0 where the costs are higher.

    Parameters
    ----------
    revenue_minor
        Net revenue in the window, at least 0.
    discounts_minor
        Granted on the orders in the window.
    returns
        Orders in the window with something given back.
    contacts
        Contacts with service in the window.

    Examples
    --------
    100.05 of revenue at a margin of 30 percent, two returns and a complaint:

    >>> profit_minor(10_005, 0, 2, 1, ProfitabilityPolicy(3_000, 400, 600))
    1602
    """
    costs = discounts_minor + returns * policy.return_cost_minor + contacts * policy.contact_cost_minor
    return margin_minor(revenue_minor, policy.margin_basis_points) - costs


def margin_minor(revenue_minor: int, basis_points: int) -> int:
    """So many ten-thousandths of a revenue of at least 0, rounded half to even.

    No number on the way is larger than the revenue or 10**8, so that 64 bits are enough.

    Examples
    --------
    >>> [margin_minor(revenue, 5_000) for revenue in (1, 2, 3, 5, 20_001, 20_003)]
    [0, 1, 2, 2, 10000, 10002]
    """
    whole, rest = divmod(revenue_minor, BASIS_POINTS)
    more, left = divmod(rest * basis_points, BASIS_POINTS)
    below = whole * basis_points + more
    return below + (2 * left > BASIS_POINTS or (2 * left == BASIS_POINTS and below % 2 == 1))


def read(reader: TableReader) -> ProfitabilityPolicy:
    """Read the section ``[profitability]``."""
    margin = reader.number("gross_margin", minimum=0, maximum=1)
    basis_points = round(margin * BASIS_POINTS)
    if abs(margin * BASIS_POINTS - basis_points) > 1e-6:  # noqa: PLR2004 - noise of a decimal in binary
        raise reader.wrong("gross_margin", margin, "must have at most four decimal places")
    policy = ProfitabilityPolicy(
        margin_basis_points=basis_points,
        return_cost_minor=reader.integer("return_cost_minor", minimum=0, maximum=COST_MINOR_MAX),
        contact_cost_minor=reader.integer("contact_cost_minor", minimum=0, maximum=COST_MINOR_MAX),
    )
    reader.done()
    return policy
