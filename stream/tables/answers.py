"""A table as it is given: rows with names, sums, and what is worked out of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.scoring.themes import ThemesPolicy, rise
from stream.state.customer import TIER_NAMES
from stream.state.table_names import BY_NAME, TABLES, TOTAL
from stream.store.calls import Client
from stream.tables.questions import Question, Row
from stream.tables.rates import RATES, average_order
from stream.tables.reading import look, sums
from stream.tables.stages import counts
from stream.tables.windows import WINDOWS

ROWS_MAX: Final = 1_000
"""Rows of one answer; the least are left out, and counted in it."""
DECIMALS: Final = 6


async def answer(
    redis: Client,
    prefix: str,
    partitions: int,
    question: Question,
    *,
    now: int | None,
    exponent: int,
    themes: ThemesPolicy,
) -> dict[str, Any]:
    """A table at a moment.

    Parameters
    ----------
    now
        Moment that the window ends at, ms; where it is None, the latest clock of the shards.
    exponent
        Decimal places of money.
    themes
        When a theme rises.

    Returns
    -------
    dict
        ``table``, ``window``, ``by``, ``from`` and ``to`` (RFC 3339; not there where no event was applied yet),
        ``rows``, and ``left_out`` where there are more than `ROWS_MAX`. Money is decimal text. What cannot be worked
        out is absent.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    shards = await look(redis, prefix, partitions)
    moment = shards.clock if now is None else now
    given: dict[str, Any] = {"table": question.table.name, "window": question.window.name, "by": ",".join(question.by)}
    if moment is None:
        return given | {"rows": []}
    fields = list(question.fields(shards.names))
    names = [field for field, _, _ in fields]

    async def over(suffixes: list[str]) -> dict[Row, Counter[str]]:
        found = await sums(redis, prefix, partitions, suffixes, names)
        rows: dict[Row, Counter[str]] = {}
        for field, row, measure in fields:
            rows.setdefault(row, Counter())[measure] += found[field]
        return rows

    rows = await over(question.window.keys(moment))
    if question.table.counts:
        rows[TOTAL,].update(await counts(redis, prefix, partitions, question.window.keys(moment)))
    rises: dict[Row, dict[str, Any]] = {}
    if "rise" in question.table.rates and question.window.past:
        stretches = [await over(keys) for keys in question.window.stretches(moment)]
        rises = dict(_rises(themes, question.measures[0], stretches))
    shown = _shown(question, rows)
    given |= {"from": format_time(question.window.start(moment)), "to": format_time(moment)}
    given["rows"] = [_row(question, row, rows, exponent) | rises.get(row, {}) for row in shown[:ROWS_MAX]]
    if len(shown) > ROWS_MAX:
        given["left_out"] = len(shown) - ROWS_MAX
    return given


def listed() -> list[dict[str, Any]]:
    """All tables: what each tells, what it is split by, its measures with their units, rates, and counts."""
    return [
        {
            "table": table.name,
            "about": table.about,
            "by": list(table.by),
            "measures": {name: BY_NAME[name].unit for name in table.measures},
            "rates": table.rates,
            "counts": table.counts,
            "windows": list(WINDOWS),
        }
        for table in TABLES
    ]


def _shown(question: Question, rows: Mapping[Row, Mapping[str, int]]) -> list[Row]:
    """Rows that hold anything: tiers by rank, others by their first measure, the largest first."""
    if question.by == (TOTAL,):
        return list(rows)
    filled = [row for row, found in rows.items() if any(found.values())]
    if question.by == ("tier",):
        return sorted(filled, key=lambda row: -TIER_NAMES.index(row[0]))
    return sorted(filled, key=lambda row: ([-rows[row][name] for name in question.measures], row))


def _row(question: Question, row: Row, rows: Mapping[Row, Mapping[str, int]], exponent: int) -> dict[str, Any]:
    found = rows[row]
    given: dict[str, Any] = {} if question.by == (TOTAL,) else dict(zip(question.by, row, strict=True))
    for name in question.measures:
        given[name] = from_minor(found[name], exponent) if BY_NAME[name].unit == "money" else found[name]
    given |= {name: found[name] for name in question.table.counts}
    rates = {name: rate(found) for name, rate in RATES.get(question.table.name, {}).items()}
    if question.table.name == "sales":
        average = average_order(found)
        if average is not None:
            given["average_order"] = from_minor(average, exponent)
    if question.table.name == "reasons" and "kind" in question.by:
        place = question.by.index("kind")
        whole = sum(other["reasons"] for key, other in rows.items() if key[place] == row[place])
        rates["share"] = found["reasons"] / whole
    return given | {name: round(rate, DECIMALS) for name, rate in rates.items() if rate is not None}


def _rises(
    policy: ThemesPolicy, measure: str, stretches: list[dict[Row, Counter[str]]]
) -> Iterable[tuple[Row, dict[str, Any]]]:
    """Rows that are more than they were. A stretch in which nothing was said at all is from before the log."""
    last, *before = stretches
    past = [rows for rows in before if any(found[measure] for found in rows.values())]
    for row, found in last.items():
        how = rise(policy, found[measure], [rows[row][measure] for rows in past])
        if how is not None:
            figures = {"mentions": how.mentions, "usual": how.usual, "ratio": how.ratio, "chance": how.chance}
            yield row, {"rise": {name: round(by, DECIMALS) for name, by in figures.items() if by is not None}}
