"""Class, stage and cells of a customer, from the rows of the policy as they stand there."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import TYPE_CHECKING

import xxhash

from tests.oracle.customer import Customer
from tests.oracle.exact import exact, reached
from tests.oracle.reading import DAY

if TYPE_CHECKING:
    from stream.scoring.calibration import Calibration
    from stream.scoring.playbook import Action
    from stream.scoring.policy import Policy


class Classes:
    """The rows of policy and calibration that say in which class, stage and cells a customer is."""

    def __init__(self, policy: Policy, calibration: Calibration) -> None:
        kept = 1 - exact(policy.abc.margin)
        self.a, self.b = calibration.abc.a_minor, calibration.abc.b_minor
        self.a_kept, self.b_kept = self.a * kept, self.b * kept
        self.rows = policy.lifecycle.rows
        self.gap_ratios = policy.churn.gap_ratios
        self.falls = sorted({_odds(row.p_alive_max) for row in self.rows if row.p_alive_max is not None})
        self.matrices = policy.matrices
        self.cuts = [
            ([exact(cut) for cut in matrix.rows.cuts], [exact(cut) for cut in matrix.columns.cuts])
            for matrix in self.matrices
        ]
        self.playbook = policy.playbook.rows
        self.hold_out = policy.playbook.hold_out

    def abc(self, orders: int, revenue: int, said: str) -> str:
        """Class by revenue in the window; kept until it is the margin below the edge."""
        if not orders:
            return "none"
        if revenue >= self.a or (said == "A" and revenue >= self.a_kept):
            return "A"
        if revenue >= self.b or (said in ("A", "B") and revenue >= self.b_kept):
            return "B"
        return "C"

    def lifecycle(self, customer: Customer, gone: float, gap_steps: int) -> str:
        """The first row whose conditions all hold."""
        n = customer.n
        tenure = customer.last_at - customer.first_at if n else 0
        returned = bool(n) and customer.last_at > customer.lifecycle_since
        for row in self.rows:
            if (
                (not row.said or customer.lifecycle in row.said)
                and (row.returned is None or row.returned == returned)
                and (row.orders_min is None or n >= row.orders_min)
                and (row.orders_max is None or n <= row.orders_max)
                and (row.tenure_days_min is None or tenure >= exact(row.tenure_days_min) * DAY)
                and (row.gap_min is None or gap_steps > self.gap_ratios.index(row.gap_min))
                and (row.p_alive_max is None or (n and gone >= _odds(row.p_alive_max)))
            ):
                return row.to
        raise AssertionError("the rows are complete")

    def cells(self, figures: Mapping[str, float]) -> dict[str, str | None]:
        """Name of the cell in each matrix, by name of the matrix."""
        found: dict[str, str | None] = {}
        for matrix, (rows, columns) in zip(self.matrices, self.cuts, strict=True):
            row = reached(figures[matrix.rows.axis], rows)
            column = reached(figures[matrix.columns.axis], columns)
            found[matrix.name] = matrix.cells[row][column]
        return found

    def is_held_out(self, customer: Customer) -> bool:
        """Whether the customer is told no action."""
        return (xxhash.xxh3_64_intdigest(customer.id.encode()) >> 11) / 2**53 < self.hold_out

    def action(self, customer: Customer) -> Action | None:
        """What the first row that matches recommends; None for nothing."""
        complaint = customer.open_tickets > 0
        for row in self.playbook:
            if (
                (not row.tier or customer.tier in row.tier)
                and (not row.lifecycle or customer.lifecycle in row.lifecycle)
                and (not row.level or customer.level in row.level)
                and (not row.need or customer.need in row.need)
                and row.open_complaint in (None, complaint)
            ):
                return None if row.action.action == "none" else row.action
        raise AssertionError("the last row matches all")


def _odds(p_alive: float) -> float:
    return log((1 - p_alive) / p_alive)
