"""Who moved from which tier to which: bands between two columns, as thick as they are many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from stream.report.pictures.style import BLUE, GREEN, GREY, ORANGE, Picture, styled
from stream.scoring.tiers import TIERS

_COLOURS: Final = {"none": GREY, "low": ORANGE, "mid": GREEN, "high": BLUE}
_NAMES: Final = {"none": "no tier yet"}
_BETWEEN: Final = 0.04
"""Gap between two tiers, as a share of all moves."""
_COLUMN: Final = 0.03
"""Width of a column."""


@styled
def tier_flows(moves: Mapping[tuple[str, str], int]) -> str:
    """Bands from the tier that customers left, on the left, to the one they came to; coloured by where they come to."""
    picture = Picture("flows")
    axes = picture.axes
    axes.set_axis_off()
    gap = _BETWEEN * sum(moves.values())
    order = TIERS[::-1]
    left = {tier: sum(moves.get((tier, other), 0) for other in order) for tier in order}
    right = {tier: sum(moves.get((other, tier), 0) for other in order) for tier in order}
    starts, ends = _stack(left, gap), _stack(right, gap)
    for tier, top in starts.items():
        _column(picture, 0, top, left[tier], tier)
    for tier, top in ends.items():
        _column(picture, 1, top, right[tier], tier)
    for was in order:
        for became in order:
            count = moves.get((was, became), 0)
            if count:
                axes.add_patch(_band(starts[was], ends[became], count, _COLOURS[became]))
                starts[was] += count
                ends[became] += count
    axes.set_xlim(-0.3, 1.3)
    axes.set_ylim(max(sum(side.values()) + gap * (len(side) - 1) for side in (left, right)), 0)
    return picture.svg()


def _stack(sizes: Mapping[str, int], gap: float) -> dict[str, float]:
    """Upper edge of each tier that has any, one below the other."""
    edges, top = {}, 0.0
    for tier, size in sizes.items():
        if size:
            edges[tier] = top
            top += size + gap
    return edges


def _column(picture: Picture, x: float, top: float, size: int, tier: str) -> None:
    outward = -1 if x == 0 else 1
    picture.axes.add_patch(Rectangle((x, top), outward * _COLUMN, size, facecolor=_COLOURS[tier], linewidth=0))
    picture.axes.text(
        x + outward * (_COLUMN + 0.02),
        top + size / 2,
        f"{_NAMES.get(tier, tier)} {size:,}",
        ha="right" if outward < 0 else "left",
        va="center",
    )


def _band(start: float, end: float, size: int, colour: str) -> PathPatch:
    curve = [Path.CURVE4] * 3
    vertices = [
        *((0.0, start), (0.5, start), (0.5, end), (1.0, end)),
        *((1.0, end + size), (0.5, end + size), (0.5, start + size), (0.0, start + size), (0.0, start)),
    ]
    path = Path(vertices, [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY])
    return PathPatch(path, facecolor=colour, alpha=0.45, linewidth=0)
