"""Curves: revenue over customers, and probabilities beside what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.ticker import PercentFormatter
from scipy.stats import binomtest

from stream.report.alive_curve import AliveBin
from stream.report.pareto import Pareto
from stream.report.pictures.style import BLUE, INK, ORANGE, Picture, styled
from stream.scoring.churn_validation import ReliabilityBin

_CONFIDENCE: Final = 0.95


@styled
def pareto_curve(curve: Pareto) -> str:
    """Share of revenue that the best customers bring, with the named points."""
    picture = Picture("pareto")
    axes = picture.axes
    axes.plot([0, 1], [0, 1], color=INK, alpha=0.5, linewidth=0.8, linestyle=":")
    axes.plot(curve.customers, curve.revenue, color=BLUE, linewidth=2)
    axes.fill_between(curve.customers, curve.revenue, color=BLUE, alpha=0.12, linewidth=0)
    for revenue, customers in curve.marks:
        axes.plot([customers, customers, 0], [0, revenue, revenue], color=ORANGE, linewidth=1, linestyle="--")
        axes.plot(customers, revenue, color=ORANGE, marker="o")
        axes.annotate(
            f"{customers:.0%} of customers bring {revenue:.0%}",
            (customers, revenue),
            (9, -14),
            textcoords="offset points",
        )
    _shares(picture, "share of customers, those with most revenue first", "share of revenue")
    return picture.svg()


@styled
def alive_curve(bins: Sequence[AliveBin]) -> str:
    """By P(alive) a while ago: share that ordered since, with its 95 % interval, beside the share expected."""
    picture = Picture("alive")
    alive = [one.alive / one.customers for one in bins]
    picture.axes.plot(
        alive,
        [one.expected / one.customers for one in bins],
        color=ORANGE,
        linewidth=2,
        linestyle="--",
        marker="s",
        label="the model expected",
    )
    _observed(picture, alive, [one.ordered for one in bins], [one.customers for one in bins], "ordered since")
    _shares(picture, "P(alive) then", "share of customers")
    picture.axes.legend(frameon=False, loc="upper left")
    return picture.svg()


@styled
def reliability_curve(rows: Sequence[ReliabilityBin]) -> str:
    """By risk said: share that did not order within the horizon, with its 95 % interval, beside the diagonal."""
    picture = Picture("reliability")
    picture.axes.plot([0, 1], [0, 1], color=ORANGE, linewidth=2, linestyle="--", label="risk said")
    said, sizes = [one.said for one in rows], [one.customers for one in rows]
    _observed(picture, said, [round(one.gone * one.customers) for one in rows], sizes, "did not come back")
    _shares(picture, "risk that was said", "share of customers")
    picture.axes.legend(frameon=False, loc="upper left")
    return picture.svg()


def _observed(picture: Picture, at: Sequence[float], hits: Sequence[int], sizes: Sequence[int], label: str) -> None:
    shares = [hit / size for hit, size in zip(hits, sizes, strict=True)]
    intervals = [
        binomtest(hit, size).proportion_ci(_CONFIDENCE, method="wilson") for hit, size in zip(hits, sizes, strict=True)
    ]
    # An interval may end a rounding error short of its own share.
    below = [max(0.0, share - found.low) for share, found in zip(shares, intervals, strict=True)]
    above = [max(0.0, found.high - share) for share, found in zip(shares, intervals, strict=True)]
    picture.axes.errorbar(
        at, shares, yerr=(below, above), color=BLUE, linewidth=2, marker="o", capsize=3, elinewidth=1.2, label=label
    )


def _shares(picture: Picture, x: str, y: str) -> None:
    axes = picture.axes
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
