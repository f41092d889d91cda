"""Prospect, first purchase, repeat, loyal, at risk, dormant, churned, won back: a table of transitions.

Where a customer goes depends on where they were said to be, on how many orders they have and over how long, on their
silence against their own rhythm (steps of the usual gap) and against the population's (P(alive)). The rows of the
policy say so; the first row that matches wins. Rows written by hand leave gaps, so all combinations that the rows can
tell apart are gone through when the policy is read, and one without a row is refused.

Compiled, the rows are cut-points and one flat table: five look-ups in short lists, and the stage is read off. Only two
things age by silence, the gap step and P(alive), and for both the next moment is known in closed form, so a timer waits
for it; see `next_change`. The picture in ``docs/reference/lifecycle.md`` is drawn from the table by
`lifecycle_picture`.

Stages are handled by rank, their place in `STAGES`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, log
from typing import Final, NamedTuple

from stream.scoring.alive import Params, age_at_log_odds, log_odds_gone
from stream.scoring.churn_policy import ChurnPolicy
from stream.scoring.table_reader import DAYS_MAX, PolicyError, TableReader
from stream.scoring.units import DAY, NEVER, WEEK, ceil_to_second, second_after

STAGES: Final = (
    "prospect",
    "first_purchase",
    "repeat",
    "loyal",
    "at_risk",
    "dormant",
    "churned",
    "won_back",
)
"""Stages by rank. `prospect` is who is known and has no order that counts, and where everybody begins."""

PROSPECT: Final = STAGES.index("prospect")
CHURNED: Final = STAGES.index("churned")
WON_BACK: Final = STAGES.index("won_back")

ROWS_MAX: Final = 64
ORDERS_MAX: Final = 1_000_000
"""No condition speaks of more orders."""
NOBODY_GONE: Final = -inf
"""Log-odds of being gone of a customer without an order."""


@dataclass(frozen=True, slots=True)
class LifecycleRow:
    """One row: its conditions, all optional, and the stage of who meets all of them."""

    to: str
    said: tuple[str, ...] = ()
    """Stages said so far, key `from`; any where it is empty."""
    returned: bool | None = None
    """Whether an order came after the stage said so far was said."""
    orders_min: int | None = None
    orders_max: int | None = None
    tenure_days_min: float | None = None
    """Days from the first order to the last."""
    gap_min: float | None = None
    """Silence in usual gaps; one of the steps of ``churn.gap_ratios``."""
    p_alive_max: float | None = None


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """Rows in the order in which they are tried."""

    rows: tuple[LifecycleRow, ...]


class CompiledLifecycle(NamedTuple):
    """Cut-points of each figure, rising, and the stage of each combination.

    Attributes
    ----------
    orders
        Orders from which the next class begins.
    tenure_ms
        Milliseconds from the first order to the last.
    gap_steps
        Steps of the gap table from which the next class begins.
    gone
        Log-odds of being gone.
    table
        Rank of the stage, by `place`.
    """

    orders: tuple[int, ...]
    tenure_ms: tuple[int, ...]
    gap_steps: tuple[int, ...]
    gone: tuple[float, ...]
    table: tuple[int, ...]

    def place(self, said: int, returned: int, orders: int, tenure: int, gap: int, gone: int) -> int:
        """Place in the table, by stage said, whether an order came since (0 or 1), and classes."""
        at = said * 2 + returned
        at = at * (len(self.orders) + 1) + orders
        at = at * (len(self.tenure_ms) + 1) + tenure
        at = at * (len(self.gap_steps) + 1) + gap
        return at * (len(self.gone) + 1) + gone


def compile_lifecycle(policy: LifecyclePolicy, churn: ChurnPolicy) -> CompiledLifecycle:
    """Go through every combination that the rows tell apart.

    Parameters
    ----------
    policy
        The rows.
    churn
        Gives the steps of silence.

    Raises
    ------
    PolicyError
        A row speaks of a gap that is no step, or a combination has no row; the message says which.
    """
    bounds = tuple(_bounds(at, row, churn.gap_ratios) for at, row in enumerate(policy.rows))
    orders = _cuts(cut for bound in bounds for cut in (bound.orders_min, bound.orders_end))
    tenure_ms = _cuts(bound.tenure_ms for bound in bounds)
    gap_steps = _cuts(bound.gap_step for bound in bounds)
    gone = tuple(sorted({bound.gone for bound in bounds} - {NOBODY_GONE}))
    table = []
    for said, returned, n, tenure, step, odds in product(
        range(len(STAGES)), (False, True), (0, *orders), (0, *tenure_ms), (0, *gap_steps), (NOBODY_GONE, *gone)
    ):
        for row, bound in zip(policy.rows, bounds, strict=True):
            if (
                (not row.said or STAGES[said] in row.said)
                and row.returned in {None, returned}
                and bound.orders_min <= n
                and (not bound.orders_end or n < bound.orders_end)
                and tenure >= bound.tenure_ms
                and step >= bound.gap_step
                and odds >= bound.gone
            ):
                table.append(STAGES.index(row.to))
                break
        else:
            raise PolicyError(
                f"policy: lifecycle.rows: no row is for who was said to be {STAGES[said]}, has returned = "
                f"{str(returned).lower()}, {n} orders over {tenure / DAY:g} days, reached gap step {step}, and has "
                f"log-odds of being gone of {odds:.3g}. Let the last row have no condition"
            )
    return CompiledLifecycle(orders, tenure_ms, gap_steps, gone, tuple(table))


def stage(
    compiled: CompiledLifecycle,
    said: int,
    returned: bool,  # noqa: FBT001 - a figure of the customer, as the others
    n: int,
    tenure_ms: int,
    gap_step: int,
    gone: float,
) -> int:
    """Rank of the stage that the table calls for.

    Parameters
    ----------
    said
        Rank of the stage said so far; `PROSPECT` for who is new.
    returned
        Whether the last order is later than the moment at which that was said.
    n
        Orders that count, all time.
    tenure_ms
        Milliseconds from the first to the last of them; 0 without one.
    gap_step
        How many steps of the gap table the silence has reached.
    gone
        Log-odds of being gone, without any other evidence; `NOBODY_GONE` without an order.

    Examples
    --------
    Five orders over a hundred days, and then silence; and who comes back from a long one:

    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy()
    >>> compiled = compile_lifecycle(policy.lifecycle, policy.churn)
    >>> [STAGES[stage(compiled, 3, False, 5, 100 * DAY, 0, gone)] for gone in (-1.0, 0.0, 1.0, 2.5)]
    ['loyal', 'at_risk', 'dormant', 'churned']
    >>> STAGES[stage(compiled, CHURNED, True, 6, 700 * DAY, 0, -1.0)]
    'won_back'
    """
    return compiled.table[
        compiled.place(
            said,
            returned,
            bisect_right(compiled.orders, n),
            bisect_right(compiled.tenure_ms, tenure_ms),
            bisect_right(compiled.gap_steps, gap_step),
            bisect_right(compiled.gone, gone),
        )
    ]


def next_fall(compiled: CompiledLifecycle, alive: Params, repeats: int, first_at: int, last_at: int, as_of: int) -> int:
    """First whole second after `as_of` at which silence alone lets P(alive) fall to the next cut of the table.

    Parameters
    ----------
    repeats
        Orders after the first.
    first_at, last_at
        Times of the first and the last order, milliseconds.
    as_of
        Now, milliseconds; not before `last_at`.

    Returns
    -------
    Milliseconds; `NEVER` below the last cut, and where it is beyond all dates.

    Examples
    --------
    Of a customer with one order, P(alive) is 0.64 at once and falls to a half:

    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy()
    >>> compiled = compile_lifecycle(policy.lifecycle, policy.churn)
    >>> round(next_fall(compiled, Params(0.525, 6.183, 0.891, 1.614), 0, 0, 0, 0) / WEEK, 2)
    12.99
    """
    last = (last_at - first_at) / WEEK
    reached = bisect_right(compiled.gone, log_odds_gone(alive, repeats, last, (as_of - first_at) / WEEK))
    if reached == len(compiled.gone):
        return NEVER
    moment = first_at + age_at_log_odds(alive, repeats, last, compiled.gone[reached]) * WEEK
    # Not reached yet, so it is ahead; where rounding says otherwise, look again in a second.
    return NEVER if moment >= NEVER else max(ceil_to_second(moment), second_after(as_of))


def read(reader: TableReader) -> LifecyclePolicy:
    """Read the section ``[lifecycle]``."""
    readers = reader.tables("rows")
    if len(readers) > ROWS_MAX:
        raise PolicyError(f"policy: lifecycle.rows: {len(readers)} rows, at most {ROWS_MAX} are read")
    policy = LifecyclePolicy(tuple(map(_read_row, readers)))
    reader.done()
    return policy


def _read_row(reader: TableReader) -> LifecycleRow:
    row = LifecycleRow(
        to=reader.one_of("to", STAGES),
        said=reader.texts("from", allowed=STAGES),
        returned=reader.flag("returned") if reader.has("returned") else None,
        orders_min=reader.integer("orders_min", minimum=0, maximum=ORDERS_MAX) if reader.has("orders_min") else None,
        orders_max=reader.integer("orders_max", minimum=0, maximum=ORDERS_MAX) if reader.has("orders_max") else None,
        tenure_days_min=reader.number("tenure_days_min", above=0, maximum=DAYS_MAX)
        if reader.has("tenure_days_min")
        else None,
        gap_min=reader.number("gap_min", above=0) if reader.has("gap_min") else None,
        p_alive_max=reader.number("p_alive_max", above=0, below=1) if reader.has("p_alive_max") else None,
    )
    reader.done()
    return row


class _Bounds(NamedTuple):
    """Conditions of a row in the units of the figures; where it has none, all pass."""

    orders_min: int
    orders_end: int
    """Orders from which it no longer holds; 0 where it always does."""
    tenure_ms: int
    gap_step: int
    gone: float


def _bounds(at: int, row: LifecycleRow, gap_ratios: Sequence[float]) -> _Bounds:
    if row.gap_min is not None and row.gap_min not in gap_ratios:
        raise PolicyError(
            f"policy: lifecycle.rows[{at}].gap_min = {row.gap_min:g}: must be one of churn.gap_ratios, "
            f"{list(gap_ratios)}"
        )
    return _Bounds(
        orders_min=row.orders_min or 0,
        orders_end=0 if row.orders_max is None else row.orders_max + 1,
        tenure_ms=0 if row.tenure_days_min is None else round(row.tenure_days_min * DAY),
        gap_step=0 if row.gap_min is None else gap_ratios.index(row.gap_min) + 1,
        gone=NOBODY_GONE if row.p_alive_max is None else log((1 - row.p_alive_max) / row.p_alive_max),
    )


def _cuts(found: Iterable[int]) -> tuple[int, ...]:
    """Where classes begin: what no figure can be below, or never reaches, is no cut."""
    return tuple(sorted({cut for cut in found if cut > 0}))
