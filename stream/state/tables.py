"""Rolling tables: counts and sums by hour and by day, in total and by what `table_names` says.

A batch first sums up in memory and is then spelled out as cells: key suffix (the bucket) and field (the measure and
what it is counted by). Buckets older than what is kept are neither written nor left behind, so the tables too are a
function of the events alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from stream.scoring.satisfaction import is_satisfied, nps_group
from stream.state.customer import TIER_NAMES, Customer
from stream.state.known_names import KnownNames
from stream.state.table_names import FUNNEL, GROUPS, LOST, PAIR, REASON_KINDS, WON_BACK

#: (hour, channel, tier, segment, region) -> [orders, revenue, first orders].
OrderCells = dict[tuple[int, str, str, str, str], list[int]]

#: By hour or day since the epoch, what its fields grow by.
_Buckets = defaultdict[int, dict[str, int]]

HOUR: Final = 3_600_000
DAY: Final = 86_400_000

_TENTHS: Final = 10
#: Of first orders these are not counted: nobody has a tier or a segment before one.
_NOT_OF_NEW: Final = ("|tier=", "|segment=")

#: What is counted by tier and segment of those who come to a stage of life.
_SAID_OF: Final = {LOST: "customers_lost", WON_BACK: "customers_won_back"}
#: Field of each move between tiers.
_MOVES: Final = {(was, became): f"tier_moves|{was}>{became}" for was in TIER_NAMES for became in TIER_NAMES}


class Who(NamedTuple):
    """What an event is counted by of its customer, before it is applied; no segment and no region are ``""``."""

    tier: str
    segment: str
    region: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Fields that grow together; compared by identity, as many hours of a batch share them.

    Attributes
    ----------
    counted
        Those that grow by a number.
    summed
        Those that grow by an amount of money.
    """

    counted: tuple[str, ...]
    summed: tuple[str, ...] = ()


def who(c: Customer) -> Who:
    """What is said of a customer, and where they live."""
    return Who(TIER_NAMES[c.tier], c.segment, "" if c.region is None else c.region[2])


def hour_key(hour: int) -> str:
    """Key suffix of an hour since the epoch.

    Examples
    --------
    >>> hour_key(412_020)
    'r:h:2017010112'
    """
    return f"r:h:{_date(hour // 24)}{hour % 24:02d}"


def day_key(day: int) -> str:
    """Key suffix of a day since the epoch.

    Examples
    --------
    >>> day_key(17_167)
    'r:d:20170101'
    """
    return f"r:d:{_date(day)}"


@lru_cache(maxsize=1_024)  # more days than are kept, which are listed in turn
def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y%m%d}"


class TableDeltas:
    """What one batch adds to the rolling tables of a shard.

    Parameters
    ----------
    names
        Names that the shard counts by.

    Notes
    -----
    Moments are ms, amounts minor units. `who` is the customer before the event, see `who`.
    """

    def __init__(self, names: KnownNames) -> None:
        self.names = names
        #: Orders of customers who are objects: one dictionary step an order. Names as events carry them.
        self.orders: OrderCells = {}
        #: Of plain customers: hour since the epoch, what grows, by which number and by which amount.
        self.rows: list[tuple[int, Fields, int, int]] = []
        self._sums: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        #: Of objects: (hour, category) -> [orders with it, what it cost].
        self.categories: dict[tuple[int, str], list[int]] = {}
        #: (hour, field) -> count, for everything rarer.
        self.others: dict[tuple[int, str], int] = {}
        #: By how many each stage of life grew, whenever that was; see `histograms.stage_fields`.
        self.stages: Counter[str] = Counter()

    # -- orders -----------------------------------------------------------------------------------------------------

    def add_order(
        self, at: int, amount: int, channel: str, who: Who, *, first: bool, spent: Iterable[tuple[str, int]] = ()
    ) -> None:
        """A new order; whether it is the customer's first, and what its items cost by category."""
        hour = at // HOUR
        cell = self.orders.setdefault((hour, channel, *who), [0, 0, 0])
        cell[0] += 1
        cell[1] += amount
        cell[2] += first
        by_category: dict[str, int] = {}
        for name, cost in spent:
            category = self.names.admit("category", name)
            by_category[category] = by_category.get(category, 0) + cost
        for category, cost in by_category.items():
            sums = self.categories.setdefault((hour, category), [0, 0])
            sums[0] += 1
            sums[1] += cost

    def order_fields(self, channel: str, tier: str) -> Fields:
        """What an order of a plain customer grows, but for its segment."""
        # A plain customer takes nothing back: who has no tier has no order yet.
        return _fields(_scopes(channel, tier, "", ""), first=tier == TIER_NAMES[0])

    def segment_fields(self, segment: str) -> Fields:
        """What an order of a plain customer grows by its segment."""
        return _fields((f"|segment={self.names.note('segment', segment)}",), first=False) if segment else Fields(())

    def add_refund(self, at: int, amount: int, channel: str, who: Who) -> None:
        """A refund or cancellation that took `amount` off."""
        self._add_each(at, ("refunds", "refunded"), (1, amount), who, channel)

    # -- interactions -------------------------------------------------------------------------------------------------

    def add_complaint(self, at: int, who: Who, channel: str = "") -> None:
        """A complaint opened."""
        self._add_each(at, ("complaints",), (1,), who, channel)

    def add_resolved(self, at: int, opened_at: int, who: Who, channel: str = "") -> None:
        """An open complaint closed."""
        seconds = (at - opened_at) // 1000
        self._add_each(at, ("resolved", "resolve_seconds"), (1, seconds), who, channel)

    def add_nps(self, at: int, score: int, who: Who, channel: str = "") -> None:
        """An answer to "would you recommend us", 0..10."""
        self._add_each(at, (f"nps_{nps_group(score)}s",), (1,), who, channel)

    def add_csat(self, at: int, score: int, who: Who, channel: str = "") -> None:
        """An answer to "how satisfied are you", 1..5."""
        measures = ("csat_answers", "csat_satisfied", "csat_sum")
        self._add_each(at, measures, (1, int(is_satisfied(score)), score), who, channel)

    def add_index(self, at: int, name: str, value: float, who: Who, channel: str = "") -> None:
        """An answer that comes to an index of satisfaction, 0..100: ``csi`` or ``acsi``."""
        self._add_each(at, (f"{name}_answers", f"{name}_sum"), (1, round(_TENTHS * value)), who, channel)

    def add_step(self, at: int, kind: str, who: Who, channel: str = "") -> None:
        """An interaction of a type that is a step of the funnel; nothing for the others."""
        step = FUNNEL.get(kind)
        if step is not None:
            self._add_each(at, (step,), (1,), who, channel)

    def add_cart_abandoned(self, at: int, who: Who) -> None:
        """A cart is taken for left behind."""
        self._add_said(at, "carts_abandoned", who.tier, who.segment)

    def add_theme(self, at: int, theme: str, category: str, tier: str) -> None:
        """A customer of this tier said something about a theme, and a category if it is known."""
        pair = self.names.admit("theme", f"{theme}{PAIR}{category}")
        self._add(at // HOUR, f"mentions|{tier}|{pair}", 1)

    # -- what was said ------------------------------------------------------------------------------------------------

    def add_move(self, at: int, was: str, became: str) -> None:
        """A customer moved from one tier to another."""
        self._add_all(at, self.move_fields(was, became))

    def move_fields(self, was: str, became: str) -> Fields:
        """What a move from one tier to another grows."""
        return Fields((_MOVES[was, became],))

    def add_lifecycle_move(self, at: int, was: str, became: str, tier: str, segment: str, count: int = 1) -> None:
        """So many customers of this tier and segment moved from one stage of life to another."""
        self._add_all(at, self.lifecycle_fields(was, became, tier, segment), count)
        self.move_stages(was, became, count)

    def move_stages(self, was: str, became: str, count: int) -> None:
        """So many customers are no longer at one stage of life, but at another."""
        self.stages.update({was: -count, became: count})

    def lifecycle_fields(self, was: str, became: str, tier: str, segment: str) -> Fields:
        """What a move of a customer of this tier and segment from one stage of life to another grows."""
        fields = [f"lifecycle_moves|{was}>{became}"]
        if became in _SAID_OF:
            fields += [f"{_SAID_OF[became]}{scope}" for scope in self._scopes("", Who(tier, segment))]
        return Fields(tuple(fields))

    def add_reasons(self, at: int, kind: str, codes: Iterable[str]) -> None:
        """Why a customer was warned about, lost or won back: one of `REASON_KINDS`, and codes of reasons."""
        self._add_all(at, self.reason_fields(kind, codes))

    def reason_fields(self, kind: str, codes: Iterable[str]) -> Fields:
        """What these reasons grow."""
        assert kind in REASON_KINDS, kind
        return Fields(tuple(f"reasons|{kind}|{self.names.note('reason', code)}" for code in codes))

    def add_outcome(self, at: int, action: str, group: str, came_back: bool) -> None:  # noqa: FBT001 - the last word on it
        """What came of an action in one of `GROUPS`."""
        self._add_all(at, self.outcome_fields(action, group, came_back=came_back))

    def outcome_fields(self, action: str, group: str, *, came_back: bool) -> Fields:
        """What the outcome of an action grows."""
        assert group in GROUPS, group
        measure = "came_back" if came_back else "stayed_away"
        return Fields((f"{measure}|{group}|{self.names.note('action', action)}",))

    # -- sums ---------------------------------------------------------------------------------------------------------

    def _add(self, hour: int, field: str, amount: int) -> None:
        key = (hour, field)
        self.others[key] = self.others.get(key, 0) + amount

    def _add_all(self, at: int, fields: Fields, count: int = 1) -> None:
        for field in fields.counted:
            self._add(at // HOUR, field, count)

    def _add_sums(self, hour: int, scopes: tuple[str, ...], count: int, revenue: int, first: int) -> None:
        cell = self._sums.setdefault((hour, scopes), [0, 0, 0])
        cell[0] += count
        cell[1] += revenue
        cell[2] += first

    def _add_each(self, at: int, measures: tuple[str, ...], amounts: tuple[int, ...], who: Who, channel: str) -> None:
        hour, scopes = at // HOUR, self._scopes(channel, who)
        for measure, amount in zip(measures, amounts, strict=True):
            for field in _measured(measure, scopes):
                self._add(hour, field, amount)

    def _add_said(self, at: int, measure: str, tier: str, segment: str, count: int = 1) -> None:
        for scope in self._scopes("", Who(tier, segment)):
            self._add(at // HOUR, f"{measure}{scope}", count)

    def _add_categories(self) -> None:
        for (hour, category), (count, cost) in self.categories.items():
            self._add(hour, f"orders|category={category}", count)
            self._add(hour, f"revenue|category={category}", cost)

    def _scopes(self, channel: str, who: Who) -> tuple[str, ...]:
        tier, segment, region = who
        names = self.names
        if segment:
            segment = names.note("segment", segment)
        return _scopes(names.shown("channel", channel), tier, segment, names.shown("region", region))

    def cells(self, clock: int, hours_max: int, days_max: int) -> dict[str, dict[str, int]]:
        """Spell the sums out as increments, by key suffix and field, leaving out buckets no longer kept.

        Parameters
        ----------
        clock
            The shard's clock, ms; buckets are kept back from it.
        hours_max, days_max
            How many of each are kept.
        """
        hour_from, day_from = clock // HOUR - hours_max, clock // DAY - days_max
        hours: _Buckets = defaultdict(dict)
        days: _Buckets = defaultdict(dict)
        for (hour, channel, *said), (orders, revenue, first) in self.orders.items():
            self._add_sums(hour, self._scopes(channel, Who(*said)), orders, revenue, first)
        self._add_categories()
        self._spell_sums(hours, days, hour_from, day_from)
        self._spell_rows(hours, days, hour_from, day_from)
        for (hour, field), amount in self.others.items():
            if amount and hour > hour_from:
                hours[hour][field] = hours[hour].get(field, 0) + amount
            if amount and hour // 24 > day_from:
                days[hour // 24][field] = days[hour // 24].get(field, 0) + amount
        cells = {hour_key(hour): fields for hour, fields in hours.items()}
        cells.update((day_key(day), fields) for day, fields in days.items())
        return cells

    # A day's sums are added up before they are spelled out: a batch has many hours and few days.

    def _spell_sums(self, hours: _Buckets, days: _Buckets, hour_from: int, day_from: int) -> None:
        by_day: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        for (hour, scopes), amounts in self._sums.items():
            if hour > hour_from:
                _spell(hours[hour], scopes, amounts)
            if hour // 24 > day_from:
                sums = by_day.setdefault((hour // 24, scopes), [0, 0, 0])
                for place, amount in enumerate(amounts):
                    sums[place] += amount
        for (day, scopes), amounts in by_day.items():
            _spell(days[day], scopes, amounts)

    def _spell_rows(self, hours: _Buckets, days: _Buckets, hour_from: int, day_from: int) -> None:
        by_day: dict[tuple[int, Fields], list[int]] = {}
        for hour, fields, count, amount in self.rows:
            if hour > hour_from:
                _grow(hours[hour], fields, count, amount)
            sums = by_day.get((hour // 24, fields))
            if sums is None:
                by_day[hour // 24, fields] = [count, amount]
            else:
                sums[0] += count
                sums[1] += amount
        for (day, fields), (count, amount) in by_day.items():
            if day > day_from:
                _grow(days[day], fields, count, amount)


def _grow(cell: dict[str, int], fields: Fields, count: int, amount: int) -> None:
    for field in fields.counted:
        cell[field] = cell.get(field, 0) + count
    for field in fields.summed:
        cell[field] = cell.get(field, 0) + amount


def _spell(fields: dict[str, int], scopes: tuple[str, ...], amounts: list[int]) -> None:
    orders, revenue, first = amounts
    for orders_field, revenue_field, _ in _order_fields(scopes):
        fields[orders_field] = fields.get(orders_field, 0) + orders
        fields[revenue_field] = fields.get(revenue_field, 0) + revenue
    if first:
        for _, _, first_field in _order_fields(scopes):
            if first_field:
                fields[first_field] = fields.get(first_field, 0) + first


@lru_cache(maxsize=4_096)
def _scopes(channel: str, tier: str, segment: str, region: str) -> tuple[str, ...]:
    """What an event is counted by: in total, and by each of these that there is."""
    named = (("tier", tier), ("segment", segment), ("channel", channel), ("region", region))
    return ("", *[f"|{scope}={name}" for scope, name in named if name])


@lru_cache(maxsize=4_096)
def _measured(measure: str, scopes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{measure}{scope}" for scope in scopes)


@lru_cache(maxsize=4_096)
def _order_fields(scopes: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (f"orders{scope}", f"revenue{scope}", "" if scope.startswith(_NOT_OF_NEW) else f"customers_new{scope}")
        for scope in scopes
    )


def _fields(scopes: tuple[str, ...], *, first: bool) -> Fields:
    """What an order that is counted by these grows."""
    names = _order_fields(scopes)
    counted = [orders for orders, _, _ in names]
    if first:
        counted += [new for _, _, new in names if new]
    return Fields(tuple(counted), tuple(revenue for _, revenue, _ in names))


def outdated(before: int, now: int, hours_max: int, days_max: int) -> list[str]:
    """Key suffixes of the buckets that fell out while the clock went from `before` to `now` (ms).

    No bucket is newer than the clock was, so a leap of years lists no more than what was kept.

    Examples
    --------
    >>> outdated(0, 2 * HOUR, hours_max=24, days_max=30)
    ['r:h:1969123101', 'r:h:1969123102']
    """
    return [
        key(number)
        for key, width, kept in ((hour_key, HOUR, hours_max), (day_key, DAY, days_max))
        for number in range(before // width - kept + 1, min(before // width, now // width - kept) + 1)
    ]
