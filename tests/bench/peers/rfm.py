"""What every peer does of an order, in Python: read it, add it to its customer's sums, and name the tier of the sum.

The peers stand beside each other in an environment of their own, so nothing of the scorer is imported here.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import orjson

TIERS_FROM_CENTS = (0, 20_000, 60_000, 150_000)


class Order(NamedTuple):
    """As much of an order as recency, frequency and money need."""

    customer: str
    cents: int
    at_ms: int


def parse(value: bytes) -> Order:
    """Read an order."""
    order = orjson.loads(value)
    units, _, cents = order["amount"].partition(".")
    at = datetime.fromisoformat(order["occurred_at"])
    return Order(order["customer_id"], int(units) * 100 + int(cents), int(at.timestamp() * 1000))


def tier_of(cents: int) -> int:
    """Number of the tier of a sum."""
    return sum(cents >= lowest for lowest in TIERS_FROM_CENTS) - 1


def added(sums: list[int] | None, order: Order) -> tuple[list[int], int | None]:
    """Sums with an order (orders, cents, last order in ms, tier), and the tier before it if that is another."""
    n, cents, last, before = sums or (0, 0, 0, 0)
    cents += order.cents
    tier = tier_of(cents)
    return [n + 1, cents, max(last, order.at_ms), tier], before if tier != before else None


def change(customer: str, before: int, tier: int) -> bytes:
    """What is said of a tier that changed."""
    return orjson.dumps({"customer_id": customer, "from": before, "to": tier})


class Progress:
    """When the first and the last order were done, and what the customers came to.

    Parameters
    ----------
    wanted
        Orders to wait for.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._seen = 0
        self._began = self._ended = 0.0
        self._sums: dict[str, list[int]] = {}

    def note(self, customer: str, sums: list[int]) -> bool:
        """One more order is done; whether it was the last."""
        self._sums[customer] = sums
        self._seen += 1
        if self._seen == 1:
            self._began = time.perf_counter()
        elif self._seen == self._wanted:
            self._ended = time.perf_counter()
        return self._seen == self._wanted

    def tell(self, file: Path) -> None:
        """Print the seconds, write the sums."""
        if self._seen < self._wanted:
            raise RuntimeError(f"{self._seen} of {self._wanted} orders were read")
        file.write_text(json.dumps({customer: sums[:2] for customer, sums in self._sums.items()}), encoding="utf-8")
        print(json.dumps({"seconds": self._ended - self._began}))
