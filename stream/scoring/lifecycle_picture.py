"""The lifecycle as a picture and a table for people, drawn from the policy.

Most pairs of stages have a way from one to the other, if orders are taken back or come late; drawn, that is a knot.
What people want to see is what two things do to a customer: an order, and silence. So the picture follows customers who
do nothing else: from each combination in which a stage holds, one more order; and one more step of silence, of the
usual gap or of P(alive), which is how it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from stream.scoring.lifecycle import PROSPECT, STAGES, CompiledLifecycle, LifecycleRow, compile_lifecycle
from stream.scoring.policy import Policy

ORDER = "order"
SILENCE = "silence"


def diagram(policy: Policy) -> str:
    """State diagram in Mermaid.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> print(diagram(default_policy()))
    stateDiagram-v2
        [*] --> prospect
        prospect --> first_purchase: order
        ...
    """
    compiled = compile_lifecycle(policy.lifecycle, policy.churn)
    lines = ["stateDiagram-v2", f"    [*] --> {STAGES[PROSPECT]}"]
    for said, why, to in sorted(set(_moves(compiled))):
        lines.append(f"    {STAGES[said]} --> {STAGES[to]}: {why}")
    return "\n".join(lines)


def rows(policy: Policy) -> str:
    """The rows of the policy as a table in Markdown, in the order in which they are tried.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> print(rows(default_policy()).splitlines()[-1])
    | 10 | `first_purchase` | orders ≥ 1 |
    """
    lines = ["| row | stage | when |", "|---|---|---|"]
    for at, row in enumerate(policy.lifecycle.rows, 1):
        lines.append(f"| {at} | `{row.to}` | {', '.join(_conditions(row)) or 'always'} |")
    return "\n".join(lines)


def _moves(compiled: CompiledLifecycle) -> Iterator[tuple[int, str, int]]:
    """Stage said, what happens, stage that follows."""
    orders, tenures = len(compiled.orders) + 1, len(compiled.tenure_ms) + 1
    gaps, odds = len(compiled.gap_steps) + 1, len(compiled.gone) + 1
    for said, n, tenure, gap, gone in product(range(len(STAGES)), *map(range, (orders, tenures, gaps, odds))):
        # Without an order there is no tenure and no silence; where the stage does not hold, nobody stays.
        holds = compiled.table[compiled.place(said, 0, n, tenure, gap, gone)] == said
        if not holds or (n == 0 and (tenure or gap or gone)):
            continue
        later_gap, later_gone = min(gap + 1, gaps - 1), min(gone + 1, odds - 1)
        ways = [(ORDER, 1, more, longer, 0, 0) for more, longer in _one_more(compiled, n, tenure)]
        if n:
            ways += [(SILENCE, 0, n, tenure, later_gap, gone), (SILENCE, 0, n, tenure, gap, later_gone)]
        for why, *features in ways:
            to = compiled.table[compiled.place(said, *features)]
            if to != said:
                yield said, why, to


def _one_more(compiled: CompiledLifecycle, n: int, tenure: int) -> Iterator[tuple[int, int]]:
    """Classes of orders and tenure that one more order may lead to."""
    if n == 0:
        # The first order: the class that one order is in, and no tenure yet.
        yield sum(cut <= 1 for cut in compiled.orders), 0
        return
    most = len(compiled.orders)
    # A class of one number of orders alone is left with the next order.
    single = n < most and compiled.orders[n] == compiled.orders[n - 1] + 1
    for more in {min(n + 1, most)} if single else {n, min(n + 1, most)}:
        for longer in range(tenure, len(compiled.tenure_ms) + 1):
            yield more, longer


def _conditions(row: LifecycleRow) -> Iterator[str]:
    if row.said:
        yield "from " + " or ".join(f"`{name}`" for name in row.said)
    if row.returned is not None:
        yield "an order came since" if row.returned else "no order came since"
    if row.orders_min is not None:
        yield f"orders ≥ {row.orders_min}"
    if row.orders_max is not None:
        yield f"orders ≤ {row.orders_max}"
    if row.tenure_days_min is not None:
        yield f"first to last order ≥ {row.tenure_days_min:g} days"
    if row.gap_min is not None:
        yield f"silence ≥ {row.gap_min:g} usual gaps"
    if row.p_alive_max is not None:
        yield f"P(alive) ≤ {row.p_alive_max:g}"
