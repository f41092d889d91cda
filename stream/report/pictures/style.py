"""What all pictures have in common: size, colours that colour-blind people tell apart, and how they become SVG.

Ink is drawn in a colour of its own that becomes ``currentColor``, so a picture is readable on light and dark pages.

Okabe, Ito (2008), "Color Universal Design", for the colours; Nuñez, Anderton, Renslow (2018), PLoS ONE 13(7), for the
scale (cividis).
"""

from __future__ import annotations

import re
from io import StringIO
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
GREY: Final = "#8C8C8C"

INK: Final = "#010203"
"""Becomes ``currentColor``: nothing else may be drawn in it."""

SCALE: Final = mpl.colormaps["cividis"]

_INCH: Final = 72.0
_STYLE: Final[dict[Any, Any]] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 11.0,
    "grid.alpha": 0.2,
    "grid.color": INK,
    "grid.linewidth": 0.6,
    "svg.fonttype": "none",
    "text.color": INK,
    # A name with two dollar signs is a name, and no formula.
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
# Of matplotlib's own fonts no reader has the measures; those of the page are narrower, so nothing is cut off.
_FONT: Final = re.compile(r"font: ([^;\"]*px) [^;\"]*")
_ID: Final = re.compile(r'(\bid="|xlink:href="#|url\(#)')
_LUMINANCE_HALF: Final = 0.5


styled: Final = mpl.rc_context(_STYLE)
"""Decorates what draws a `Picture`: matplotlib reads its style at each stroke."""


class Picture:
    """One picture. Draw on `axes`, then ask for `svg`; all of it within `styled`.

    Parameters
    ----------
    name
        Unique on the page; goes into the ids of the drawing.
    width, height
        Of the drawing, points; the page scales it.
    """

    def __init__(self, name: str, width: float = 560, height: float = 380) -> None:
        self._name = name
        self.figure = Figure(figsize=(width / _INCH, height / _INCH), layout="constrained")
        self.axes: Axes = self.figure.add_subplot()

    def svg(self) -> str:
        """The element ``<svg>``; the same text for the same drawing."""
        out = StringIO()
        with mpl.rc_context({"svg.hashsalt": self._name}):
            self.figure.savefig(
                out, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None}
            )
        drawn = out.getvalue()
        drawn = drawn[drawn.index("<svg") :]
        drawn = _FONT.sub(r"font-size: \1; font-family: inherit", drawn)
        # Ids are those of a page with many pictures.
        drawn = _ID.sub(rf"\g<1>{self._name}-", drawn)
        return drawn.replace(INK, "currentColor").replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def ink_on(colour: ColorType) -> str:
    """Black or white, whichever is readable on the colour.

    >>> ink_on("#ffff00"), ink_on("#000080")
    ('#000000', '#ffffff')
    """
    red, green, blue, _ = mpl.colors.to_rgba(colour)
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > _LUMINANCE_HALF else "#ffffff"


def words(name: str) -> str:
    """A name as words.

    >>> words("about_to_sleep"), words("p_alive")
    ('about to sleep', 'P(alive)')
    """
    return "P(alive)" if name == "p_alive" else name.replace("_", " ")
