"""CDNOW: every purchase of the 23 570 customers who first bought in the first quarter of 1997 (Fader and Hardie).

The text files come with the PyPI package ``lifetimes``; they are read from there without importing it. A line is
(customer, day, number of CDs, dollars); several lines of one customer and day are separate orders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, files
from typing import Any, Literal

CURRENCY = "USD"
_NOON_SECONDS = 12 * 3_600

Event = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """What was in the file, and what was made of it."""

    lines: int
    orders: int
    customers: int
    free_orders: int
    same_day_orders: int
    orders_per_customer_max: int


@dataclass(frozen=True)
class Dataset:
    """Canonical events by plain topic name, each topic in order of time."""

    events: dict[str, list[Event]]
    counts: Counts
    currency: str = CURRENCY


def load(which: Literal["master", "sample"] = "master") -> Dataset:
    """All orders of the file, in order of time.

    ``master`` has 69 659 lines of 23 570 customers, ``sample`` the 2 357 customers (one in ten) of the papers.
    The order id is customer, day and the number of the line among those of that day; the time is noon UTC plus
    as many seconds, which keeps their order.
    """
    return build(_lines(which))


def build(rows: Iterable[list[str]]) -> Dataset:
    """Make the events of rows (customer, yyyymmdd, CDs, dollars)."""
    orders: list[tuple[int, str, Event]] = []
    per_day: Counter[tuple[str, str]] = Counter()
    per_customer: Counter[str] = Counter()
    free = 0
    for customer, day, _, dollars in rows:
        number = per_day[customer, day]
        per_day[customer, day] += 1
        per_customer[customer] += 1
        free += float(dollars) == 0
        order_id = f"{customer}-{day}-{number}"
        at = int(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp()) + _NOON_SECONDS + number
        event = {
            "event_id": f"order-{order_id}",
            "type": "order.completed",
            "customer_id": customer,
            "order_id": order_id,
            "occurred_at": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "amount": dollars,
            "currency": CURRENCY,
            "channel": "web",
        }
        orders.append((at, order_id, event))
    orders.sort(key=lambda order: order[:2])
    counts = Counts(
        lines=len(orders),
        orders=len(orders),
        customers=len(per_customer),
        free_orders=free,
        same_day_orders=sum(lines for lines in per_day.values() if lines > 1),
        orders_per_customer_max=max(per_customer.values(), default=0),
    )
    return Dataset({"orders": [event for _, _, event in orders]}, counts)


def _lines(which: str) -> Iterable[list[str]]:
    try:
        found = [file for file in files("lifetimes") or () if file.name == f"CDNOW_{which}.txt"]
    except PackageNotFoundError as error:
        raise FileNotFoundError("CDNOW comes with the package 'lifetimes'. Install the extra 'dev'.") from error
    if not found:
        raise FileNotFoundError(f"The installed package 'lifetimes' holds no CDNOW_{which}.txt.")
    rows = (line.split() for line in found[0].read_text(encoding="ascii").splitlines())
    # The sample has the customer's number in the master file before its own; the master has a heading.
    return [row[-4:] for row in rows if row and row[0].isdigit()]
