"""Samples of who is lost, and what came of them; once more."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import TYPE_CHECKING, NamedTuple

from stream.scoring.churn_samples import LAST_EDGES, QUARTERS_KEPT, REPEATS_EDGES, SIGNS, SILENCE_EDGES
from tests.oracle.reading import WEEK

if TYPE_CHECKING:
    from tests.oracle.customer import Customer

QUARTER = 13 * WEEK


class Sample(NamedTuple):
    """One sample: when it was taken, what was known, and what was said."""

    at: int
    known: int
    said: int


def sample_of(
    customer: Customer, parts: Mapping[str, float], *, gap_steps: int, cap: int, logit: float, warned: bool
) -> Sample:
    """What is known of a customer with orders, as places in the tables of edges, the lowest bits first.

    `parts`: of the risk, the signs among them; `cap`: complaints that count.
    """
    weeks = [(moment - customer.first_at) / WEEK for moment in (customer.last_at, customer.as_of)]
    silence = (weeks[1] - weeks[0]) * customer.n / (4 + weeks[0])
    places = (
        (_place(customer.n - 1, REPEATS_EDGES), 5),
        (_place(weeks[0], LAST_EDGES), 4),
        (_place(silence, SILENCE_EDGES), 5),
        (min(gap_steps, 15), 4),
        (min(customer.open_tickets, cap, 3), 2),
        (sum(2**bit for bit, sign in enumerate(SIGNS) if sign in parts), 5),
    )
    known = width = 0
    for place, bits in places:
        known += place * 2**width
        width += bits
    # A quarter of the log-odds from -8 to 8.
    return Sample(customer.as_of, known, 2 * min(max(floor((logit + 8) * 4), 0), 63) + warned)


def outcome(sample: Sample, last_at: int) -> tuple[str, str]:
    """Where the sample is counted: who has no order later than it is gone."""
    quarter, gone = sample.at // QUARTER, int(last_at <= sample.at)
    return f"y:{quarter}:{sample.known}:{gone}", f"v:{quarter}:{sample.said}:{gone}"


def kept(counts: Mapping[str, int], clock: int) -> dict[str, int]:
    """Those of the quarters that are learned from."""
    oldest = clock // QUARTER - QUARTERS_KEPT + 1
    return {field: n for field, n in counts.items() if int(field.split(":")[1]) >= oldest}


def _place(value: float, edges: tuple[float, ...]) -> int:
    return sum(edge <= value for edge in edges)
