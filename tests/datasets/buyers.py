"""Customers as the papers count them: purchases of a day are one, and the rest of the data is held out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

WEEK_DAYS = 7


@dataclass(frozen=True)
class Buyers:
    """A place in each column for each customer; shape ``(n,)``, times in weeks, by number of the customer."""

    repeats: NDArray[Any]
    last: NDArray[Any]
    age: NDArray[Any]
    mean: NDArray[Any]
    """Mean of the repeat purchases, currency units; 0 where there is none."""
    holdout: NDArray[Any]
    """Purchases after the end, up to the end of the holdout."""
    holdout_weeks: float


def buyers(events: Iterable[dict[str, Any]], end: date, holdout_end: date) -> Buyers:
    """Customers who bought by the day `end`, that day included; from canonical orders."""
    days: dict[int, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for event in events:
        if event["type"] == "order.completed":
            days[int(event["customer_id"])][date.fromisoformat(event["occurred_at"][:10])] += float(event["amount"])
    rows = []
    for _, bought in sorted(days.items()):
        known = sorted(day for day in bought if day <= end)
        if known:
            spent = [bought[day] for day in known[1:]]
            rows.append(
                (
                    len(known) - 1,
                    (known[-1] - known[0]).days / WEEK_DAYS,
                    (end - known[0]).days / WEEK_DAYS,
                    sum(spent) / len(spent) if spent else 0.0,
                    sum(end < day <= holdout_end for day in bought),
                )
            )
    return Buyers(*np.array(rows, float).T, holdout_weeks=(holdout_end - end).days / WEEK_DAYS)
