"""``python -m tests.bench.scaling_page``: what scale takes, written into the page that speaks of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final

from tests.bench.given import ASSUMED, PRICES, SHOPS, Assumed, Costs, Prices, lacking
from tests.bench.page import put, table
from tests.bench.scaling import Plan, plan
from tests.bench.terms import Term, said
from tests.kit.folders import REPOSITORY

PAGE: Final = REPOSITORY / "docs" / "reference" / "scaling.md"
REPORT: Final = REPOSITORY / "build" / "bench.json"


def write_scaling(report: dict[str, Any]) -> None:
    """Put what follows from a report between the marks of the page; errors as in `put`."""
    put(PAGE, as_block(report))


def as_block(report: dict[str, Any], assumed: Assumed = ASSUMED, prices: Prices = PRICES) -> str:
    """Tables in Markdown: what each shop takes, the arithmetic of the largest, and what was assumed.

    Of a report that lacks sections it says which, and how to run them.
    """
    missing = lacking(report)
    if missing:
        return f"The last run of the bench was without {', '.join(missing)}: nothing follows from it. Run `make bench`."
    costs = Costs.of(report)
    plans = [plan(shop, end, costs, assumed, prices) for shop in SHOPS for end in costs.ends]
    least, *others = [one for one in plans if one.shop == SHOPS[-1]]
    machine = report["machine"]
    lines = [
        f"Measured on {machine['cores']} cores, {machine['cpu']}, rounds: {report['rounds']}.",
        "",
        *table("What it takes", (*_SHOP, *_MACHINES), map(_machines, plans)),
        *table("Dollars a month", (*_SHOP, *least.money, "together"), map(_bill, plans)),
        *table(f"{_of(least)}, line by line", ("", "arithmetic", ""), least.lines),
    ]
    start = costs.start
    lines += [
        (
            f"A worker with {start.shards} shards made its first commit {said(start.seconds)} s after its start; beside"
            f" a million customers, {said(start.claim_seconds)} s after its claim."
        ),
        "",
    ]
    for other in others:
        differs = [line for line in other.lines if line not in least.lines]
        lines += table(f"{_of(other)}, where it differs", ("", "arithmetic", ""), differs)
    lines += table("Prices", _GIVEN, _given(prices))
    lines += table("Assumptions", _GIVEN, _given(assumed))
    return "\n".join(lines).rstrip()


_SHOP: Final = ("customers", "events/s", "there is")
_MACHINES: Final = ("shards", "workers", "their GB", "Redis processes", "their GB", "brokers", "their GB", "TB of disk")
_GIVEN: Final = ("", "", "what")


def _shop(one: Plan) -> Sequence[str]:
    return f"{one.shop.customers.value:,.0f}", f"{one.shop.events.value:,.0f}", one.end.name


def _machines(one: Plan) -> Sequence[str]:
    parts = (one.workers, one.redis, one.kafka)
    counts = [[f"{part.number.value:,.0f}", _scaled(part.memory, 1e9)] for part in parts]
    return *_shop(one), f"{one.shards.value:,.0f}", *chain(*counts), _scaled(one.redis.disk + one.kafka.disk, 1e12)


def _bill(one: Plan) -> Sequence[str]:
    return *_shop(one), *(_dollars(each.value) for each in one.money.values()), f"**{_dollars(one.total)}**"


def _of(one: Plan) -> str:
    return f"{one.shop.customers.text}, {one.shop.events.text}, {one.end.name}"


def _scaled(amount: Term, unit: float) -> str:
    found = amount.value / unit
    return f"{found:,.0f}" if found >= 10 else f"{found:.1f}"


def _dollars(dollars: float) -> str:
    """To two digits: more would be made up."""
    return f"{float(f'{dollars:.2g}'):,.0f}"


def _given(of: Assumed | Prices) -> Iterable[Sequence[str]]:
    return ((f"`{name}`", one.text, one.what) for name, one in of._asdict().items())


if __name__ == "__main__":
    write_scaling(json.loads(REPORT.read_text(encoding="utf-8")))
