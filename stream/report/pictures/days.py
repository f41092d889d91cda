"""Revenue of each day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from stream.report.figures import Day
from stream.report.pictures.style import BLUE, ORANGE, Picture, styled

_WEEK: Final = 7
_LABELS_MAX: Final = 5


@styled
def revenue_days(daily: Sequence[Day], exponent: int) -> str:
    """Bars of the revenue by day, with the mean of the seven days up to each.

    Parameters
    ----------
    exponent
        Digits of the currency's minor unit.
    """
    picture = Picture("revenue")
    axes = picture.axes
    revenue = np.array([one.revenue for one in daily], float) / 10**exponent
    axes.bar(range(len(daily)), revenue, width=0.9, color=BLUE, alpha=0.45, linewidth=0)
    if len(daily) >= _WEEK:
        means = np.convolve(revenue, np.full(_WEEK, 1 / _WEEK), mode="valid")
        axes.plot(range(_WEEK - 1, len(daily)), means, color=ORANGE, linewidth=2)
    axes.xaxis.grid(visible=False)
    axes.set_xlim(-0.6, len(daily) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(_LABELS_MAX, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: daily[int(x)].day if 0 <= x < len(daily) else ""))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
    axes.set_ylabel("revenue")
    return picture.svg()
