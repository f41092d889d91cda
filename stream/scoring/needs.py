"""What a customer looks for: use, a good price, an experience, or service.  Four shares that add up to 1.

What people do speaks of what they want: orders over many categories, and again in the same ones, of
*functional* needs; buying with discounts and answering campaigns of *price*; browsing and reviewing of
*experience*; questions and complaints of *service*. Each such act has points in the policy, points of older
periods weigh less, and the shares are shares of the points.

Points decay towards the newest period in which the customer did anything, not towards now. All four decay
alike, so waiting could not change a share anyway; measured so, it changes no figure at all, and no timer is
needed. Whoever has few points has no need that is worth saying, and the need that was said is kept until
another leads by a margin.

Points are taken as whole millionths and weights as whole parts of 10**15, so that sums are exact: what is counted event
by event has the same bits as what is summed up at once.

References
----------
Park, Jaworski, MacInnis (1986), "Strategic brand concept-image management", Journal of Marketing 50(4):
functional and experiential needs.

Lichtenstein, Netemeyer, Burton (1990), "Distinguishing coupon proneness from value consciousness", Journal of
Marketing 54(3): discounts and coupons as signs of a need for price.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, get_args

from stream.contracts.wire import InteractionType
from stream.scoring.periods import PERIOD_DAYS, counts_of, key_of, period_of
from stream.scoring.table_reader import DAYS_MAX, TableReader

NEEDS: Final = ("none", "functional", "price", "experience", "service")
"""Dominant needs by rank, their place in this table; of equal shares the first is dominant. `none` is who has shown
too little of any."""

NONE, FUNCTIONAL, PRICE, EXPERIENCE, SERVICE = range(5)

POINTS_MAX: Final = 1_000.0

POINT: Final = 10**6
WEIGHT: Final = 10**15
"""Parts of a point, and of a whole weight, that are counted."""

NEW_CATEGORY, REPEAT_CATEGORY, DISCOUNTED = 253, 254, 255
"""Numbers of what orders with details are counted by, beside those of the types of interactions: the first order of a
category, each further one of it, and an order with a discount or a coupon."""


@dataclass(frozen=True, slots=True)
class NeedsPolicy:
    """What speaks of which need, and when a need is said."""

    half_life_days: float
    """Days in which points lose half their weight."""
    points_min: float
    """Points, after decay, from which a need is said."""
    margin: float
    """How far another need's share must lead before the dominant need changes; 0 to below 1."""
    new_category: float
    """Functional points for the first order of a category."""
    repeat_category: float
    """Functional points for each further order of a category."""
    discounted: float
    """Price points for an order with a discount or a coupon."""
    interactions: tuple[tuple[str, int, float], ...]
    """(type, rank of the need, points) of each type of interaction that has points."""


@dataclass(frozen=True, slots=True, eq=False)
class NeedsTable:
    """The policy, compiled."""

    policy: NeedsPolicy
    points: dict[int, tuple[int, int]]
    """Rank of the need and millionths of points, by the number of the interaction type; those without any left out."""
    half_life: float
    """Periods in which points lose half their weight."""

    def weight(self, age: int) -> int:
        """Weight of points so many periods old, in parts of `WEIGHT`."""
        return _weight(age, self.half_life)


class DetailedOrder(NamedTuple):
    """What the needs read of an order that counts and came with details."""

    at: int
    """Milliseconds."""
    discounted: bool
    """With a discount or a coupon."""
    categories: tuple[str, ...]
    """Of its items; a category named twice counts once."""


class NeedFigures(NamedTuple):
    """The four shares, and the points they are shares of."""

    shares: tuple[float, float, float, float]
    """By rank of the need, less one: `none` has no share."""
    points: float
    """After decay."""

    def share(self, need: int) -> float:
        """Share of a need, by rank."""
        return self.shares[need - 1]


class NeedSums:
    """Points of the four needs, which further counts can be added to.

    Attributes
    ----------
    table
        What they are counted by.
    newest
        Newest period with points; those of others are weighed by how much older these are.
    earned
        By period, and rank of the need, less one: parts of `POINT`.
    sums
        By rank of the need, less one: parts of `POINT` times `WEIGHT`.
    """

    __slots__ = ("_figures", "earned", "newest", "sums", "table")

    def __init__(self, table: NeedsTable, counted: Iterable[Mapping[int, int]]) -> None:
        self.table = table
        self._figures: NeedFigures | None = None
        spoken = table.points
        self.earned: dict[int, list[int]] = {}
        earned = self.earned
        for counts in counted:
            for period, code, count in counts_of(counts):
                if code in spoken and count:
                    rank, points = spoken[code]
                    sums = earned.setdefault(period, [0, 0, 0, 0])
                    sums[rank - FUNCTIONAL] += points * count
        self.newest = max(earned, default=0)
        self.sums = self._weighed()

    def _weighed(self) -> list[int]:
        functional = price = experience = service = 0
        for period, (first, second, third, fourth) in self.earned.items():
            weight = self.table.weight(self.newest - period)
            functional += first * weight
            price += second * weight
            experience += third * weight
            service += fourth * weight
        return [functional, price, experience, service]

    def add(self, period: int, code: int, count: int) -> None:
        """Add to a count."""
        spoken = self.table.points.get(code)
        if spoken is None or not count:
            return
        rank, points = spoken
        place = rank - FUNCTIONAL
        self._figures = None
        sums = self.earned.get(period)
        if sums is None:
            sums = self.earned[period] = [0, 0, 0, 0]
        sums[place] += points * count
        if period == self.newest:
            self.sums[place] += points * count * WEIGHT
        elif period < self.newest and len(self.earned) > 1:
            self.sums[place] += points * count * self.table.weight(self.newest - period)
        else:
            self.newest = max(self.earned)
            self.sums = self._weighed()

    def leads(self, need: int) -> bool:
        """Whether a need, by rank, has as many points as any, and there are enough to say one."""
        sums = self.sums
        return sums[need - FUNCTIONAL] == max(sums) and sum(sums) / (POINT * WEIGHT) >= self.table.policy.points_min

    def figures(self) -> NeedFigures | None:
        """The shares; none where nothing speaks of any."""
        if self._figures is None:
            self._figures = self._shares()
        return self._figures

    def _shares(self) -> NeedFigures | None:
        functional, price, experience, service = self.sums
        total = functional + price + experience + service
        if not total:
            return None
        shares = functional / total, price / total, experience / total, service / total
        return NeedFigures(shares, total / (POINT * WEIGHT))


@lru_cache
def _weight(age: int, half_life: float) -> int:
    share: float = 0.5 ** (age / half_life)
    return round(WEIGHT * share)


def read(reader: TableReader) -> NeedsPolicy:
    """Read the section ``[needs]``."""
    orders = reader.table("orders")
    interactions = reader.table("interactions")
    points: list[tuple[str, int, float]] = []
    for rank, need in enumerate(NEEDS[1:], FUNCTIONAL):
        if not interactions.has(need):
            continue
        types = interactions.table(need)
        for kind in types.names():
            points.append((kind, rank, types.number(kind, above=0, maximum=POINTS_MAX)))
            if kind not in get_args(InteractionType):
                raise types.wrong(kind, points[-1][2], f"is no type of interaction; {_allowed()}")
            if any(kind == other for other, _, _ in points[:-1]):
                raise types.wrong(kind, points[-1][2], "has points of another need already; one type, one need")
        types.done()
    policy = NeedsPolicy(
        half_life_days=reader.number("half_life_days", above=0, maximum=DAYS_MAX),
        points_min=reader.number("points_min", above=0, maximum=POINTS_MAX),
        margin=reader.number("margin", minimum=0, below=1),
        new_category=orders.number("new_category", minimum=0, maximum=POINTS_MAX),
        repeat_category=orders.number("repeat_category", minimum=0, maximum=POINTS_MAX),
        discounted=orders.number("discounted", minimum=0, maximum=POINTS_MAX),
        interactions=tuple(points),
    )
    for table in (orders, interactions, reader):
        table.done()
    return policy


def compile_needs(policy: NeedsPolicy, codes: Mapping[str, int]) -> NeedsTable:
    """Make the look-up table.

    Parameters
    ----------
    codes
        Number of each interaction type in the keys of `periods` (see `periods.key_of`).
    """
    points = {codes[kind]: (rank, round(points * POINT)) for kind, rank, points in policy.interactions} | {
        NEW_CATEGORY: (FUNCTIONAL, round(policy.new_category * POINT)),
        REPEAT_CATEGORY: (FUNCTIONAL, round(policy.repeat_category * POINT)),
        DISCOUNTED: (PRICE, round(policy.discounted * POINT)),
    }
    return NeedsTable(
        policy=policy,
        points={code: found for code, found in points.items() if found[1]},
        half_life=policy.half_life_days / PERIOD_DAYS,
    )


def tally(orders: Iterable[DetailedOrder]) -> dict[int, int]:
    """What orders with details speak of, counted by period and number.

    Parameters
    ----------
    orders
        Orders that count and came with details.

    Examples
    --------
    >>> counts = tally([DetailedOrder(0, True, ("tea",)), DetailedOrder(0, False, ("tea", "jam"))])
    >>> counts == {NEW_CATEGORY: 2, REPEAT_CATEGORY: 1, DISCOUNTED: 1}
    True
    """
    found: Counter[int] = Counter()
    known: set[str] = set()
    # Of orders at one moment either may be the first of a category: they are of one period.
    for order in sorted(orders, key=lambda one: one.at):
        period, categories = period_of(order.at), set(order.categories)
        fresh = len(categories - known)
        known |= categories
        found[key_of(period, NEW_CATEGORY)] += fresh
        found[key_of(period, REPEAT_CATEGORY)] += len(categories) - fresh
        found[key_of(period, DISCOUNTED)] += order.discounted
    return dict(+found)


def figures(table: NeedsTable, periods: Mapping[int, int], orders: Iterable[DetailedOrder]) -> NeedFigures | None:
    """Shares of the four needs; none where nothing speaks of any.

    A function of the set of what happened: neither the order in which it is given nor how it was gathered
    changes a bit of it.

    Parameters
    ----------
    periods
        Interactions by period and type (see `periods.key_of`).
    orders
        Orders that count and came with details.

    Examples
    --------
    Two complaints, and one order with a coupon half a year (one half-life) before them:

    >>> policy = NeedsPolicy(180, 1, 0.1, 1, 1, 2, (("complaint.opened", SERVICE, 2.0),))
    >>> table = compile_needs(policy, {"complaint.opened": 6})
    >>> figures(table, {key_of(6, 6): 2}, [DetailedOrder(0, True, ())])
    NeedFigures(shares=(0.0, 0.2, 0.0, 0.8), points=5.0)
    """
    return NeedSums(table, (periods, tally(orders))).figures()


def dominant(policy: NeedsPolicy, figures: NeedFigures | None, said: int = NONE) -> int:
    """Rank of the need to be said, given the one said so far; `NONE` with too few points.

    Examples
    --------
    With a margin of 0.1, a need said so far stays until another leads by more:

    >>> policy = NeedsPolicy(180, 3, 0.1, 1, 1, 2, ())
    >>> even = NeedFigures((0.0, 0.48, 0.0, 0.52), 10)
    >>> NEEDS[dominant(policy, even)], NEEDS[dominant(policy, even, PRICE)]
    ('service', 'price')
    """
    if figures is None or figures.points < policy.points_min:
        return NONE
    best = figures.shares.index(max(figures.shares)) + FUNCTIONAL
    if said != NONE and figures.share(said) + policy.margin >= figures.share(best):
        return said
    return best


def strength(figures: NeedFigures, need: int) -> float:
    """How far a need stands out: 0 at an even share of the four or below, 1 where it is all there is.

    Examples
    --------
    >>> strength(NeedFigures((0.25, 0.25, 0.25, 0.25), 9), PRICE), strength(NeedFigures((1, 0, 0, 0), 9), FUNCTIONAL)
    (0.0, 1.0)
    """
    even = 1 / len(figures.shares)
    return max(0.0, (figures.share(need) - even) / (1 - even))


def _allowed() -> str:
    return f"allowed are {', '.join(get_args(InteractionType))}"
