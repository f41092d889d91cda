"""Figures by row and column: the R-F grid, and retention by cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream.report.cohorts import Cohort
from stream.report.pictures.style import INK, SCALE, Picture, ink_on, styled

_SCORES: Final = range(1, 6)
_ROW: Final = 22.0
_HEAD: Final = 60.0
_LARGE: Final = 0.1
"""Cohorts of at least this share of the largest say how light the lightest cell is."""


@styled
def rf_grid(grid: Mapping[tuple[int, int], int]) -> str:
    """Customers by recency and frequency score; shares of all of them in the cells."""
    counts = np.array([[grid.get((r, f), 0) for r in _SCORES] for f in _SCORES], float)
    picture = Picture("rf-grid", 480, 380)
    shares = counts / max(1.0, counts.sum())
    _cells(picture, shares, float(shares.max()), [[f"{share:.1%}" if share else "" for share in row] for row in shares])
    axes = picture.axes
    axes.set_xticks(range(5), [str(score) for score in _SCORES])
    axes.set_yticks(range(5), [str(score) for score in _SCORES])
    axes.set_xlabel("recency score (5: bought lately)")
    axes.set_ylabel("frequency score (5: buys often)")
    return picture.svg()


@styled
def retention_grid(cohorts: Sequence[Cohort]) -> str:
    """Share of each cohort that ordered in the first, second, … month after its first."""
    columns = max(len(one.kept) for one in cohorts)
    shares = np.full((len(cohorts), columns), np.nan)
    for row, one in enumerate(cohorts):
        shares[row, : len(one.kept)] = one.kept
    picture = Picture("retention", 560, _HEAD + _ROW * max(4, len(cohorts)))
    # A handful of customers who all came back would leave the others in the dark.
    large = [one.customers >= _LARGE * max(one.customers for one in cohorts) for one in cohorts]
    most = float(np.nanmax(shares[large])) or 1.0
    _cells(
        picture, shares, most, [["" if np.isnan(share) else f"{100 * share:.0f}" for share in row] for row in shares]
    )
    axes = picture.axes
    axes.set_xticks(range(columns), [str(number) for number in range(1, columns + 1)])
    axes.set_yticks(range(len(cohorts)), [f"{one.month} ({one.customers:,})" for one in cohorts])
    axes.invert_yaxis()
    axes.set_xlabel("months after the first order; % of the cohort who ordered in it")
    return picture.svg()


def _cells(picture: Picture, shares: NDArray[np.float64], most: float, labels: Sequence[Sequence[str]]) -> None:
    """One cell a share, the lighter the nearer to `most`, with its label."""
    axes = picture.axes
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    # Quadrangles, not an image: they stay sharp, and weigh less than a picture in a picture.
    edges = (np.arange(size + 1) - 0.5 for size in shares.T.shape)
    axes.pcolormesh(*edges, shares, cmap=SCALE, vmin=0, vmax=most, edgecolors="white", linewidth=1)
    axes.set_xlim(-0.5, shares.shape[1] - 0.5)
    axes.set_ylim(-0.5, shares.shape[0] - 0.5)
    for (row, column), share in np.ndenumerate(shares):
        if label := labels[row][column]:
            colour = ink_on(SCALE(min(1.0, float(share) / most))) if not np.isnan(share) else INK
            axes.text(column, row, label, ha="center", va="center", color=colour)
