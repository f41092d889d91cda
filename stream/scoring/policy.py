"""What the business decides: window, weights, thresholds, segments, when to warn.

A policy is data. It is read from one TOML file (``policy.toml`` beside this module is the default), checked
as a whole, and compiled into look-up tables by the modules that use it. What is learned from customers
instead of decided (edges, model parameters, weights of evidence) is in the calibration.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

from stream.scoring.segments import SegmentRule, SegmentTable
from stream.scoring.table_reader import PolicyError, TableReader
from stream.scoring.units import DAY

__all__ = ["LEVELS", "ChurnPolicy", "ClvPolicy", "Policy", "PolicyError", "default_policy", "parse_policy"]

LEVELS = ("none", "low", "medium", "high", "churned")
"""Churn levels from the mildest on. The place of a level in this table is its rank."""

WINDOW_DAYS_MAX = 3_660
DAYS_MAX = 36_600
HORIZON_MONTHS_MAX = 60
DISCOUNT_YEARLY_MAX = 10


@dataclass(frozen=True, slots=True)
class ChurnPolicy:
    """When to speak of churn, and what counts as evidence.

    How much each piece of evidence weighs is not decided here but learned: see
    `calibration.ChurnCoefficients`, which has one weight for each ratio of `gap_ratios`.
    """

    levels: tuple[tuple[str, float], ...]
    """(level, least risk) for each of `LEVELS` but the first, risk strictly rising inside (0, 1)."""
    warn_from: str
    """The level whose reaching is a warning."""
    gap_ratios: tuple[float, ...]
    """Steps of silence, in units of the customer's usual gap; strictly rising."""
    gap_days_min: float
    """Days; a usual gap is never taken as shorter."""
    rhythm_orders_min: int
    """Orders that a customer needs to have a usual gap."""
    complaint_cap: int
    """Open complaints beyond this add nothing."""
    detractor_days: float
    """Days during which an NPS answer of 6 or less counts."""

    def __post_init__(self) -> None:
        if tuple(name for name, _ in self.levels) != LEVELS[1:]:
            raise PolicyError(f"policy: churn.levels: must be {', '.join(LEVELS[1:])}, each once")
        risks = tuple(risk for _, risk in self.levels)
        if not all(0 < risk < 1 for risk in risks) or not _rising(risks):
            raise PolicyError(f"policy: churn.levels = {risks}: must rise from level to level, between 0 and 1")
        if self.warn_from not in LEVELS[1:]:
            allowed = ", ".join(LEVELS[1:])
            raise PolicyError(f"policy: churn.warn_from = {self.warn_from!r}: must be one of {allowed}")
        if not _rising((0.0, *self.gap_ratios)):
            raise PolicyError(
                f"policy: churn.gap_ratios = {list(self.gap_ratios)}: must rise from step to step, above 0"
            )


@dataclass(frozen=True, slots=True)
class ClvPolicy:
    """How far ahead customer lifetime value looks, and what the future is worth today."""

    horizon_months: int
    discount_yearly: float
    """0.10 where what comes in a year is worth 1 / 1.10 of what comes today."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the business decides, checked.

    Raises
    ------
    PolicyError
        On construction too, so that a changed copy (`dataclasses.replace`) is checked like a file.
    """

    window_days: int
    """Days an order counts for frequency and monetary."""
    weights: tuple[float, float, float]
    """Of the recency, frequency and monetary score in the value score."""
    tier_mid: float
    """Value score from which the tier is mid."""
    tier_high: float
    """Value score from which the tier is high."""
    tier_margin: float
    """How far below its threshold a tier is kept."""
    tier_min_stay_days: float
    """Days a tier is held before a lower one is said."""
    churn: ChurnPolicy
    clv: ClvPolicy
    segments: SegmentTable
    """The table that says the segment."""
    segment_tables: tuple[SegmentTable, ...]
    """All tables of the file, the active one among them."""

    def __post_init__(self) -> None:
        if not 1 <= self.window_days <= WINDOW_DAYS_MAX:
            raise PolicyError(f"policy: window_days = {self.window_days}: must be 1 to {WINDOW_DAYS_MAX}")
        if not all(weight > 0 for weight in self.weights):
            raise PolicyError(f"policy: weights = {self.weights}: each must be above 0")
        mid, high, margin = self.tier_mid, self.tier_high, self.tier_margin
        if not 0 < mid < high <= 100:  # noqa: PLR2004 - the value score is a percentage
            raise PolicyError(f"policy: tier.mid = {mid:g}, tier.high = {high:g}: must be 0 < mid < high <= 100")
        if not 0 <= margin < min(mid, high - mid):
            raise PolicyError(
                f"policy: tier.margin = {margin:g}: must be at least 0 and smaller than both "
                f"tier.mid ({mid:g}) and tier.high - tier.mid ({high - mid:g})"
            )

    @property
    def window_ms(self) -> int:
        """Length of the window in milliseconds."""
        return self.window_days * DAY

    @property
    def tier_min_stay_ms(self) -> int:
        """Minimum stay in a tier, in milliseconds."""
        return round(self.tier_min_stay_days * DAY)


def parse_policy(text: str) -> Policy:
    """Read a policy from TOML.

    Parameters
    ----------
    text
        The whole file; see ``policy.toml`` for every key with its meaning.

    Raises
    ------
    PolicyError
        Naming the key, what is wrong with it and what is allowed.

    Examples
    --------
    >>> parse_policy("window_days = 0")
    Traceback (most recent call last):
    ...
    stream.scoring.table_reader.PolicyError: policy: window_days = 0: must be a whole number from 1 to 3660
    """
    try:
        root = TableReader(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"policy: not TOML: {error}") from error
    window_days = root.integer("window_days", minimum=1, maximum=WINDOW_DAYS_MAX)
    weights = root.table("weights")
    tier = root.table("tier")
    active, tables = _segments(root.table("segments"))
    policy = Policy(
        window_days=window_days,
        weights=(
            weights.number("recency", above=0),
            weights.number("frequency", above=0),
            weights.number("monetary", above=0),
        ),
        tier_mid=tier.number("mid", above=0, below=100),
        tier_high=tier.number("high", above=0, maximum=100),
        tier_margin=tier.number("margin", minimum=0),
        tier_min_stay_days=tier.number("min_stay_days", minimum=0, maximum=DAYS_MAX),
        churn=_churn(root.table("churn")),
        clv=_clv(root.table("clv")),
        segments=active,
        segment_tables=tables,
    )
    for table in (root, weights, tier):
        table.done()
    return policy


@cache
def default_policy() -> Policy:
    """Policy that is shipped, read once.

    Examples
    --------
    >>> policy = default_policy()
    >>> policy.window_days, policy.segments.name, policy.churn.warn_from
    (365, 'rf_grid', 'medium')
    """
    return parse_policy(resources.files(__package__).joinpath("policy.toml").read_text(encoding="utf-8"))


def _churn(table: TableReader) -> ChurnPolicy:
    levels = table.table("levels")
    churn = ChurnPolicy(
        levels=tuple((name, levels.number(name, above=0, below=1)) for name in LEVELS[1:]),
        warn_from=table.text("warn_from"),
        gap_ratios=table.numbers("gap_ratios"),
        gap_days_min=table.number("gap_days_min", above=0, maximum=DAYS_MAX),
        # Two orders make one gap; fewer have none.
        rhythm_orders_min=table.integer("rhythm_orders_min", minimum=2, maximum=1_000),
        complaint_cap=table.integer("complaint_cap", minimum=0, maximum=1_000),
        detractor_days=table.number("detractor_days", minimum=0, maximum=DAYS_MAX),
    )
    levels.done()
    table.done()
    return churn


def _clv(table: TableReader) -> ClvPolicy:
    clv = ClvPolicy(
        horizon_months=table.integer("horizon_months", minimum=1, maximum=HORIZON_MONTHS_MAX),
        discount_yearly=table.number("discount_yearly", minimum=0, maximum=DISCOUNT_YEARLY_MAX),
    )
    table.done()
    return clv


def _segments(reader: TableReader) -> tuple[SegmentTable, tuple[SegmentTable, ...]]:
    named = reader.table("tables")
    tables = tuple(_segment_table(name, named.table(name)) for name in named.names())
    active = reader.text("active")
    reader.done()
    for table in tables:
        if table.name == active:
            return table, tables
    allowed = ", ".join(table.name for table in tables)
    raise reader.wrong("active", active, f"must be one of the tables: {allowed}")


def _segment_table(name: str, reader: TableReader) -> SegmentTable:
    rules: list[SegmentRule] = []
    for one in reader.tables("rules"):
        rules.append(SegmentRule(one.text("name"), one.scores("r"), one.scores("f"), one.scores("m")))
        one.done()
    table = SegmentTable(
        name=name,
        rules=tuple(rules),
        complete=reader.flag("complete"),
        exclusive=reader.flag("exclusive"),
        rest=reader.text("rest", default="other"),
    )
    reader.done()
    return table


def _rising(numbers: tuple[float, ...]) -> bool:
    return all(low < high for low, high in pairwise(numbers))
