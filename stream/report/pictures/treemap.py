"""Segments as areas: how many customers, and how much each of them brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import squarify
from matplotlib.patches import Rectangle

from stream.report.figures import Segment
from stream.report.pictures.style import SCALE, Picture, ink_on, styled, words

_WIDTH, _HEIGHT = 560.0, 380.0
_LABEL_WIDTH: Final = 52.0
"""Points; narrower areas are left without words."""
_LABEL_HEIGHT: Final = 34.0
_LETTER: Final = 6.4
"""Width of a letter, points."""
_LINE: Final = 15.0
"""Height of a line, points."""


@styled
def segment_treemap(segments: Sequence[Segment]) -> str:
    """Areas in proportion to customers, lighter where a customer brings more; largest first."""
    picture = Picture("treemap", _WIDTH, _HEIGHT)
    axes = picture.axes
    axes.set_axis_off()
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(_HEIGHT, 0)
    total = sum(one.customers for one in segments)
    each = [one.revenue / one.customers for one in segments]
    most = max(each) or 1.0
    areas = squarify.squarify(
        squarify.normalize_sizes([one.customers for one in segments], _WIDTH, _HEIGHT), 0, 0, _WIDTH, _HEIGHT
    )
    for one, value, area in zip(segments, each, areas, strict=True):
        x, y, width, height = area["x"], area["y"], area["dx"], area["dy"]
        colour = SCALE(value / most)
        axes.add_patch(Rectangle((x, y), width, height, facecolor=colour, edgecolor="white", linewidth=1.5))
        if width < _LABEL_WIDTH or height < _LABEL_HEIGHT:
            continue
        label = "\n".join(_lines(words(one.name), width, height))
        axes.text(
            x + 7,
            y + 7,
            f"{label}\n{one.customers:,} · {one.customers / total:.0%}",
            va="top",
            color=ink_on(colour),
            clip_on=True,
        )
    return picture.svg()


def _lines(name: str, width: float, height: float) -> list[str]:
    """The name in lines that fit into an area, cut off where they do not."""
    letters = max(1, int((width - 12) / _LETTER))
    lines = [""]
    for word in name.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) <= letters or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    room = max(1, int((height - 10) / _LINE) - 1)
    if len(lines) > room:
        lines = [*lines[: room - 1], f"{lines[room - 1]} {lines[room]}"]
    return [line if len(line) <= letters else f"{line[: letters - 1]}…" for line in lines]
