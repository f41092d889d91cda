"""What drives a customer, as a table: one row a need, one column a habit that shows it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Habits(NamedTuple):
    """How customers of one need behave.

    Attributes
    ----------
    share
        Of all customers.
    categories
        Number of categories that they buy from.
    items
        Items of an order, at most; each number up to it is as likely.
    discount
        Share of orders with a discount.
    opens, redeems
        Share of campaigns opened, and share of these that end in a coupon on the next order.
    views
        Products viewed in a visit, at most.
    browses
        Visits without an order, on average, between two orders.
    fills
        Share of such visits that leave a filled cart behind.
    reviews, consults, complains
        Per order, probabilities.
    """

    share: float
    categories: int
    items: int
    discount: float
    opens: float
    redeems: float
    views: int
    browses: float
    fills: float
    reviews: float
    consults: float
    complains: float


HABITS: Final = {
    #                      share categories items discount opens redeems views browses fills reviews consults complains
    "functional": Habits(0.40, 8, 6, 0.10, 0.15, 0.10, 2, 0.5, 0.10, 0.03, 0.03, 0.03),
    "price": Habits(0.30, 4, 3, 0.70, 0.60, 0.60, 4, 1.0, 0.40, 0.05, 0.03, 0.04),
    "experience": Habits(0.20, 4, 2, 0.10, 0.30, 0.10, 8, 2.5, 0.20, 0.35, 0.05, 0.03),
    "service": Habits(0.10, 3, 2, 0.10, 0.20, 0.10, 3, 0.7, 0.15, 0.05, 0.45, 0.12),
}
"""The four needs of DEFINITIONS. Their shares add up to 1."""

CATEGORIES: Final = (
    "bakery",
    "beauty",
    "books",
    "dairy",
    "drinks",
    "frozen",
    "garden",
    "household",
    "pets",
    "produce",
    "toys",
    "wellness",
)
SKUS_OF_CATEGORY: Final = 40
CHANNELS: Final = ("web", "app", "store")
REGIONS: Final = ("north", "south", "east", "west")
ENTERPRISE_SHARE: Final = 0.1

THEMES: Final = ("delivery", "quality", "price", "service", "returns")
"""What complaints and consultations are about."""
