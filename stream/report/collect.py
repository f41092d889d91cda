"""From Redis to figures: every record looked at once, some at a time."""

from __future__ import annotations

from collections import Counter
from typing import Final

from stream.calibration.population import everybody, reading, shard_clock
from stream.contracts.times import format_time
from stream.report.figures import Day, Figures
from stream.report.seen import look_at
from stream.scoring.churn_samples import read_said
from stream.scoring.churn_validation import validate
from stream.scoring.lifecycle import STAGES
from stream.scoring.units import DAY
from stream.state.customer import TIER_NAMES
from stream.state.model import Model
from stream.state.tables import day_key
from stream.state.view import at_moment
from stream.store.calls import Client
from stream.store.shard_reads import ShardReads

TABLE_DAYS: Final = 90
"""Days of the rolling tables that are shown."""

_MOVES: Final = "tier_moves|"
_ORDERS: Final = "orders"
_REVENUE: Final = "revenue"
_SAID: Final = "v:"


async def collect(
    redis: Client, prefix: str, partitions: int, model: Model, exponent: int, now: int | None = None
) -> Figures:
    """Look at every customer of every shard.

    Records change while they are read, where a worker runs; the figures are then those of no single moment.

    Parameters
    ----------
    exponent
        Digits of the base currency's minor unit.
    now
        Moment to look at, ms; None takes each shard's own clock.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    RecordError
        A record that this version cannot read.
    """
    figures = Figures(model.calibration.alive, model.churn.horizon, model.policy.churn.warn_from)
    figures.table_days = TABLE_DAYS
    daily: dict[int, list[int]] = {}
    samples: Counter[str] = Counter()
    for shard in range(partitions):
        as_of = await shard_clock(redis, prefix, shard) if now is None else now
        if as_of is None:
            continue
        figures.as_of = max(as_of, figures.as_of or as_of)
        store = reading(redis, prefix, shard)
        await _look_at_all(figures, store, model, exponent, as_of)
        await _tables(figures, store, as_of, daily)
        samples.update({name: count for name, count in (await store.histograms()).items() if name.startswith(_SAID)})
    figures.daily = _days(daily)
    if figures.as_of is not None:
        figures.validation = validate(read_said(samples, figures.as_of))
    return figures


async def _look_at_all(figures: Figures, store: ShardReads, model: Model, exponent: int, as_of: int) -> None:
    async for records in everybody(store):
        for customer, blob in records:
            c = at_moment(blob, customer, as_of, model)
            if c.n:
                figures.add(look_at(c, model, exponent), c.as_of)
            else:
                figures.add_prospect(TIER_NAMES[c.tier], STAGES[c.lifecycle])


async def _tables(figures: Figures, store: ShardReads, as_of: int, daily: dict[int, list[int]]) -> None:
    """Add the last days of a shard's rolling tables to the moves, and to orders and revenue by day."""
    today = as_of // DAY
    for day in range(today - TABLE_DAYS + 1, today + 1):
        cell = await store.cell(day_key(day))
        for field, count in cell.items():
            if field.startswith(_MOVES):
                was, _, became = field.removeprefix(_MOVES).partition(">")
                figures.moves[was, became] += count
        if cell.get(_ORDERS):
            sums = daily.setdefault(day, [0, 0])
            sums[0] += cell[_ORDERS]
            sums[1] += cell.get(_REVENUE, 0)


def _days(daily: dict[int, list[int]]) -> list[Day]:
    """Every day from the first to the last with orders, those without any too."""
    days = range(min(daily), max(daily) + 1) if daily else ()
    return [Day(format_time(day * DAY)[:10], *daily.get(day, (0, 0))) for day in days]
