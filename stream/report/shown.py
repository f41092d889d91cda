"""Which pictures there are, and what is said beside each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from markupsafe import Markup

from stream.report import pictures
from stream.report.figures import Figures
from stream.report.pictures.style import words
from stream.scoring.churn_validation import Validation
from stream.scoring.units import DAY


class Shown(NamedTuple):
    """One picture of the page; `svg` is empty where there is nothing to draw, and `empty` says why.

    Attributes
    ----------
    alt
        What is to be seen, with its figures, for those who cannot see it.
    reading
        How to read it.
    """

    name: str
    title: str
    reading: str
    alt: str
    svg: Markup
    empty: str


def shown(figures: Figures, exponent: int) -> list[Shown]:
    """All pictures, in the order of the page; `exponent` as of `page`."""
    segments, curve, cohorts = figures.segments(), figures.pareto(), figures.cohorts()
    alive, reliability = figures.alive_bins(), figures.reliability
    kept = [one for one in cohorts if one.kept]
    days = figures.horizon // DAY
    top = sorted(figures.grid.items(), key=lambda item: -item[1])[:3]
    moves = sorted(figures.moves.items(), key=lambda item: -item[1])
    first, last = (figures.daily[0], figures.daily[-1]) if figures.daily else (None, None)
    return [
        _shown(
            "revenue",
            "Revenue by day",
            f"The last {figures.table_days} days before refunds; the line is the mean of seven days.",
            f"{first.day} to {last.day}, {sum(one.orders for one in figures.daily):,} orders" if first and last else "",
            (lambda: pictures.revenue_days(figures.daily, exponent)) if figures.daily else None,
            f"There was no order in the last {figures.table_days} days.",
        ),
        _shown(
            "segments",
            "Segments",
            "An area is as large as the segment has customers; the lighter, the more revenue each of them brings.",
            "; ".join(f"{words(one.name)}: {one.customers:,} customers" for one in segments),
            (lambda: pictures.segment_treemap(segments)) if segments else None,
            "Nobody has ordered yet.",
        ),
        _shown(
            "rf-grid",
            "Recency and frequency",
            "Share of customers with each pair of scores. Top right are those who come often and came lately.",
            "most customers at " + "; ".join(f"recency {r}, frequency {f}: {count:,}" for (r, f), count in top),
            (lambda: pictures.rf_grid(figures.grid)) if figures.grid else None,
            "Nobody has ordered yet.",
        ),
        _shown(
            "flows",
            "Moves between tiers",
            f"Of the last {figures.table_days} days: from the tier on the left to the one on the right.",
            "; ".join(f"{was} to {became}: {count:,}" for (was, became), count in moves),
            (lambda: pictures.tier_flows(figures.moves)) if figures.moves else None,
            f"Nobody moved in the last {figures.table_days} days.",
        ),
        _shown(
            "pareto",
            "Who brings the revenue",
            "Customers from the one with most revenue on. The further from the diagonal, the fewer bring the most.",
            "; ".join(
                f"{customers:.0%} of customers bring {share:.0%} of the revenue" for share, customers in curve.marks
            )
            if curve
            else "",
            (lambda: pictures.pareto_curve(curve)) if curve else None,
            "There is no revenue in the window.",
        ),
        _shown(
            "retention",
            "Retention by cohort",
            "A row: customers whose first order was in one month. A column: months since, as far as they are over.",
            "; ".join(
                f"{one.month}, {one.customers:,} customers: {one.kept[0]:.0%} in the month after" for one in kept
            ),
            (lambda: pictures.retention_grid(kept)) if kept else None,
            "No two months are over since the first order.",
        ),
        _shown(
            "alive",
            "Was P(alive) right?",
            f"Each customer as {days} days ago, by P(alive) then: the share that has ordered since, beside the share "
            "that the model expects. The closer the lines, the better. Its parameters are those of today.",
            "; ".join(
                f"P(alive) {one.alive / one.customers:.0%}: {one.ordered / one.customers:.0%} ordered since, "
                f"{one.expected / one.customers:.0%} expected"
                for one in alive
            ),
            (lambda: pictures.alive_curve(alive)) if alive else None,
            f"No first order is {days} days old.",
        ),
        _shown(
            "reliability",
            "Was the churn risk right?",
            "Samples of customers by the risk that was said: how many of them did not come back within the horizon."
            + _quality(figures.validation),
            "; ".join(f"risk {one.said:.0%}: {one.gone:.0%} gone" for one in reliability),
            (lambda: pictures.reliability_curve(reliability)) if reliability else None,
            "Of no sample is it known yet what came of it: that takes one horizon from the first.",
        ),
    ]


def _quality(validation: Validation | None) -> str:
    """How good the warnings were, as a sentence."""
    if validation is None:
        return ""
    named = {"precision": validation.precision, "recall": validation.recall, "AUC": validation.auc}
    told = ", ".join(f"{name} {value:.2f}" for name, value in named.items() if value is not None)
    return f" Of {validation.samples:,} samples: {told}." if told else ""


def _shown(name: str, title: str, reading: str, alt: str, draw: Callable[[], str] | None, empty: str) -> Shown:
    """A picture, drawn if there is anything to draw."""
    svg = Markup(draw()) if draw else Markup()  # noqa: S704 - matplotlib escapes the names it writes
    return Shown(name, title, reading, f"{title}: {alt}.", svg, empty)
