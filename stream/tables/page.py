"""The page ``docs/reference/tables.md``, drawn from the tables of `stream.state.table_names`.

``python -m stream.tables.page`` writes it; a test holds it to what it is drawn from.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stream.state.table_names import MEASURES, SCOPES, TABLES
from stream.state.tables import HOUR
from stream.tables.answers import ROWS_MAX
from stream.tables.windows import WINDOWS

PAGE: Final = Path("docs/reference/tables.md")

_HEAD: Final = f"""# Rolling tables

What happened in the last hour, day, week, month or year, over all shards: sums that are written in the same commit as
what they count, so they are exact whatever stops or starts. This page is drawn from `stream/state/table_names.py` by
`python -m stream.tables.page`; what is counted when is in [semantics.md](semantics.md#rolling-tables).

```
scorer table sales --window 7d --by tier
curl 'localhost:6066/v1/tables/satisfaction?window=30d&by=segment'
curl localhost:6066/v1/tables
```

`window` is `24h` and `by` the total, or for tables with keys all of these, when left out. An answer has `table`,
`window`, `by`, `from`, `to` and `rows`: what a row stands for, its measures, and its rates. Money is decimal text in
the base currency. A rate without a basis (no answers, no orders) is absent. Rows in which nothing happened are left
out; beyond {ROWS_MAX} rows the least are, and `left_out` says how many. Tiers come by rank, other rows by their first
measure.

## What a window covers
It ends at `to`: now with `STREAM_CLOCK=wall`, the latest clock of the shards with `event`. It is made of the hour or
day (UTC) that `to` is in, as far as it has come, and of whole ones before it. So it covers what its name says and up to
one hour or day more, and `from` says where it begins.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_windows(), "", *_tables(), *_measures(), "", *_scopes()])


def _windows() -> Iterator[str]:
    yield "| window | made of | a theme rises against |"
    yield "|---|---|---|"
    for window in WINDOWS.values():
        name = "hour" if window.width == HOUR else "day"
        before = f"the {window.past} stretches as long before" if window.past else "nothing"
        yield f"| `{window.name}` | this {name} so far and {window.count} before | {before} |"


def _tables() -> Iterator[str]:
    yield "## Tables"
    for table in TABLES:
        yield ""
        yield f"### {table.name}"
        yield ""
        yield f"{table.about} By {', '.join(f'`{name}`' for name in table.by)}."
        yield ""
        yield f"Measures: {', '.join(f'`{name}`' for name in table.measures)}."
        if table.counts:
            yield ""
            yield f"Counts of customers: {'; '.join(f'`{name}` ({who})' for name, who in table.counts.items())}."
        if table.rates:
            yield ""
            yield f"Rates: {'; '.join(f'`{name}` ({how})' for name, how in table.rates.items())}."
    yield ""


def _measures() -> Iterator[str]:
    yield "## Measures"
    yield "A cell is a field of a hash: `orders`, `orders|tier=high`, `tier_moves|low>mid`."
    yield ""
    yield "| measure | unit | counts | by |"
    yield "|---|---|---|---|"
    for measure in MEASURES:
        by = ", ".join(measure.scopes or measure.keys)
        yield f"| `{measure.name}` | {measure.unit} | {measure.counted} | {by} |"


def _scopes() -> Iterator[str]:
    yield "## What it is split by"
    yield "| split | what it is of the event counted |"
    yield "|---|---|"
    for name, meaning in SCOPES.items():
        yield f"| `{name}` | {meaning} |"
    yield ""
    yield "Channels, regions, categories, and pairs of theme and category are known from the first event on that"
    yield "carries them, at most `STREAM_TABLE_NAMES_MAX` of each in a shard. Every later one counts as `other`, and in"
    yield "the metric `limits_reached`. Segments, codes of reasons and actions are the policy's, as many as it has."
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
