"""The page: figures in words and tables, pictures with what they show said beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.report.figures import Figures
from stream.report.pictures.style import words
from stream.report.shown import shown
from stream.scoring.abc import CLASSES
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.scoring.tiers import TIERS


class Bar(NamedTuple):
    """One line of a table with bars; `share` of the longest is the length."""

    label: str
    customers: int
    share: float


def page(figures: Figures, *, currency: str, exponent: int, calibration: int, months: int) -> str:
    """The whole page as one HTML document that asks for nothing from anywhere.

    Parameters
    ----------
    currency, exponent
        ISO 4217 code of all amounts, and digits of its minor unit.
    calibration
        Number of the calibration that customers were looked at with.
    months
        Horizon of what is at stake.
    """

    def money(minor: int) -> str:
        whole, point, cents = from_minor(minor, exponent).partition(".")
        return f"{int(whole):,}{point}{cents}"

    environment = Environment(
        loader=PackageLoader("stream.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": money, "words": words}
    return environment.get_template("page.html").render(
        figures=figures,
        as_of="" if figures.as_of is None else f"{format_time(figures.as_of)[:16].replace('T', ' ')} UTC",
        currency=currency,
        calibration=calibration,
        months=months,
        bars={
            "Tiers": bars(figures.tiers, TIERS[::-1]),
            "Stages of life": bars(figures.lifecycle, STAGES),
            "Classes of revenue": bars(figures.abc, CLASSES[::-1]),
            "Churn levels": bars(figures.levels, LEVELS),
            "Reasons of warnings": bars(
                figures.reasons, sorted(figures.reasons, key=lambda code: -figures.reasons[code])
            ),
        },
        pictures=shown(figures, exponent),
    )


def bars(counts: dict[str, int], order: Sequence[str]) -> list[Bar]:
    """Counts in an order, those of nobody left out.

    >>> bars({"low": 3, "high": 6}, ("high", "mid", "low"))
    [Bar(label='high', customers=6, share=1.0), Bar(label='low', customers=3, share=0.5)]
    """
    used = [name for name in order if counts.get(name)]
    most = max((counts[name] for name in used), default=1)
    return [Bar(words(name), counts[name], counts[name] / most) for name in used]
