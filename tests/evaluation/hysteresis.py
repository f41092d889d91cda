"""``python -m tests.evaluation.hysteresis``: how often tiers flap, with the two brakes of the policy and without.

A flap is a change of tier that takes back the one before it within `FLAP_DAYS`: whoever hears of both was told nothing.
Each data set is read twice: once for its cut-points, then under each variant of the policy, all at the same cut-points.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import orjson

from stream.calibration.fit import fit
from stream.contracts.decisions import TIER_CHANGED, Message
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.policy import Policy, default_policy
from stream.scoring.units import DAY
from stream.state.model import compile_model
from tests.bench.page import put, table
from tests.evaluation import BEGIN
from tests.kit import datasets
from tests.kit.folders import REPOSITORY
from tests.kit.memory import MemoryShard, sharded

FLAP_DAYS = 30
BATCH = 5_000
PAGE = REPOSITORY / "docs" / "reference" / "hysteresis.md"
_WITHOUT_MARGIN = {"tier_margin": 0.0}
_WITHOUT_STAY = {"tier_min_stay_days": 0.0}
VARIANTS: Mapping[str, Mapping[str, float]] = {
    "as shipped": {},
    "margin 5, minimum stay 7 days": {"tier_margin": 5.0, "tier_min_stay_days": 7.0},
    "without the margin": _WITHOUT_MARGIN,
    "without the minimum stay": _WITHOUT_STAY,
    "without both": {**_WITHOUT_MARGIN, **_WITHOUT_STAY},
}


@dataclass(frozen=True)
class Count:
    """Customers with an order, changes of tier after the first, and those of them that are flaps."""

    customers: int
    changes: int
    flaps: int

    def per_thousand(self, count: int) -> float:
        """So many for each 1 000 customers."""
        return 1_000 * count / max(1, self.customers)


def flaps(changes: Iterable[tuple[str, str, str, int]]) -> Count:
    """Count changes of tier, each ``(customer, from, to, at)``, a customer's in order of time (ms).

    >>> day = 86_400_000
    >>> changes = [("c", "none", "mid", 0), ("c", "mid", "low", 8 * day), ("c", "low", "mid", 9 * day)]
    >>> flaps(changes), flaps([*changes[:2], ("c", "low", "mid", 39 * day)]).flaps
    (Count(customers=1, changes=2, flaps=1), 0)
    """
    of: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for customer, was, became, at in changes:
        of[customer].append((was, became, at))
    found = [
        (first, second)
        for moves in of.values()
        for first, second in pairwise(moves)
        if second[1] == first[0] != "none" and second[2] - first[2] <= FLAP_DAYS * DAY
    ]
    return Count(len(of), sum(len(moves) - 1 for moves in of.values()), len(found))


def run(filled: datasets.Filled, policy: Policy, calibration: Calibration) -> MemoryShard:
    """One shard that has read all of it in order of time."""
    shard = MemoryShard(compile_model(policy, calibration), currency=filled.currency)
    shard.run(sharded(filled.events, 1)[0], BATCH, sweep_every=1)
    return shard


def measure(filled: datasets.Filled) -> dict[str, Count]:
    """By variant."""
    first = run(filled, default_policy(), DEFAULT_CALIBRATION)
    calibration = fit({0: first.memory.histograms}, first.state.clock, DEFAULT_CALIBRATION).calibration
    found = {}
    for name, changes in VARIANTS.items():
        shard = run(filled, replace(default_policy(), **changes), calibration)
        found[name] = flaps_of(shard)
    return found


def flaps_of(shard: MemoryShard) -> Count:
    """What a shard said of tiers, counted."""
    return flaps(_change(message) for message in shard.memory.messages if message.type == TIER_CHANGED)


def _change(message: Message) -> tuple[str, str, str, int]:
    value = orjson.loads(message.value)
    return message.key, value["from"], value["to"], message.time


def as_block(measured: Mapping[str, Mapping[str, Count]]) -> str:
    """The table of the page, in Markdown."""
    rows = [
        (name if variant == "as shipped" else "", variant, f"{count.customers:,}", *_figures(count))
        for name, counts in measured.items()
        for variant, count in counts.items()
    ]
    head = ("data", "policy", "customers", "changes per 1 000", "flaps per 1 000")
    return "\n".join(table("Flaps", head, rows)).strip()


def _figures(count: Count) -> tuple[str, str]:
    return f"{count.per_thousand(count.changes):,.0f}", f"{count.per_thousand(count.flaps):,.0f}"


def main() -> int:
    """Measure all data sets there are, print the table, and put it into the page."""
    block = as_block({one.name: measure(one) for one in datasets.present()})
    sys.stdout.write(f"{block}\n")
    if "--page" in sys.argv:
        put(PAGE, block, BEGIN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
