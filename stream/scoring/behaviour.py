"""What customers do on the way to an order: the funnel, the path, what they prefer.

The *funnel* has four steps: a product was viewed, put into a cart, a checkout was begun, an order placed. Steps
are skipped in real life (an order by telephone has no view), so a step counts as reached by whoever reached it
or any later one; conversion rates then lie between 0 and 1. The same figures come from one customer's counts
and from the sums of a rolling table.

The *path* is the last few steps in the order they happened; which step follows which is counted from it.

References
----------
Strong (1925), "The psychology of selling and advertising": the steps on the way to a sale, each with fewer people.

Anderl, Becker, von Wangenheim, Schumann (2016), "Mapping the customer journey", International Journal of Research
in Marketing 33(3): paths as a Markov chain, that is as counts of transitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

FUNNEL: Final = {
    "viewed": "product.viewed",
    "cart": "cart.updated",
    "checkout": "checkout.started",
    "order": "order.completed",
}
"""Steps of the funnel, in order, and the type of event that is each."""

STEPS: Final = tuple(FUNNEL)

PATH_MAX: Final = 8
"""Steps of a path that are kept, the latest."""


class Step(NamedTuple):
    """One step of a path; sorts by time, and at one time by the event, so that every path has one order."""

    at: int
    """Milliseconds."""
    event: int
    """Hash of the event's id."""
    kind: str
    """Type of the event."""


class Funnel(NamedTuple):
    """How many times each step was reached, and how many of them came to the next."""

    reached: tuple[int, int, int, int]
    """By the place in `STEPS`; never rising."""
    rates: tuple[float | None, float | None, float | None]
    """Conversion from each step to the next; none where nobody reached the first of the two."""
    overall: float | None
    """Conversion from the first step to the last."""


def funnel(counts: Sequence[int]) -> Funnel:
    """Funnel of the counts of its four steps.

    Parameters
    ----------
    counts
        Events of each of `STEPS`, at least 0; of one customer or of many.

    Examples
    --------
    Twenty views, five carts, one checkout, two orders (one came without a checkout):

    >>> funnel((20, 5, 1, 2))
    Funnel(reached=(20, 5, 2, 2), rates=(0.25, 0.4, 1.0), overall=0.1)
    >>> funnel((0, 0, 0, 0)).overall is None
    True
    """
    viewed, cart, checkout, order = counts
    checkout = max(checkout, order)
    cart = max(cart, checkout)
    viewed = max(viewed, cart)
    return Funnel(
        (viewed, cart, checkout, order),
        (_rate(cart, viewed), _rate(checkout, cart), _rate(order, checkout)),
        _rate(order, viewed),
    )


def path(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Latest `PATH_MAX` steps in the order they happened; a step given twice counts once.

    What is dropped could never come back, so adding steps one by one to what is left of the earlier ones ends
    in the same path as giving all at once.

    Examples
    --------
    >>> [
    ...     step.kind
    ...     for step in path([Step(5, 1, "cart.updated"), Step(3, 2, "product.viewed"), Step(5, 1, "cart.updated")])
    ... ]
    ['product.viewed', 'cart.updated']
    """
    return tuple(sorted(set(steps))[-PATH_MAX:])


def transitions(steps: Sequence[Step]) -> Counter[tuple[str, str]]:
    """How often each kind of step follows each, in a path that is in order.

    Examples
    --------
    >>> transitions(path([Step(1, 1, "login"), Step(2, 2, "product.viewed"), Step(3, 3, "product.viewed")]))
    Counter({('login', 'product.viewed'): 1, ('product.viewed', 'product.viewed'): 1})
    """
    return Counter(pairwise(step.kind for step in steps))


def preferred(counts: Mapping[str, int]) -> str | None:
    """Name with the highest count, of equal ones the first by the alphabet; none where nothing was counted.

    Examples
    --------
    >>> preferred({"web": 2, "shop": 3, "app": 3}), preferred({})
    ('app', None)
    """
    best = max(counts.values(), default=0)
    return min((name for name, count in counts.items() if count == best), default=None) if best > 0 else None


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None
