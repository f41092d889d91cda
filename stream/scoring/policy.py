"""What the business decides: window, weights, thresholds, segments, stages, actions, when to warn.

A policy is data. It is read from one TOML file (``policy.toml`` beside this module is the default), checked
as a whole, and compiled into look-up tables by the modules that use it. What is learned from customers
instead of decided (edges, model parameters, weights of evidence) is in the calibration.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from stream.scoring import (
    abc,
    anomaly,
    carts,
    churn_policy,
    clv_policy,
    conduct,
    lifecycle,
    loyalty,
    market_segments,
    matrix,
    needs,
    playbook,
    profitability,
    satisfaction,
    segments,
    themes,
    visits,
)
from stream.scoring.abc import AbcPolicy
from stream.scoring.anomaly import AnomalyPolicy
from stream.scoring.carts import CartsPolicy
from stream.scoring.churn_policy import LEVELS, ChurnPolicy
from stream.scoring.clv_policy import ClvPolicy
from stream.scoring.conduct import ConductPolicy
from stream.scoring.lifecycle import LifecyclePolicy, compile_lifecycle
from stream.scoring.loyalty import LoyaltyPolicy
from stream.scoring.market_classes import compile_market_segments
from stream.scoring.market_segments import MarketPolicy
from stream.scoring.matrix import Matrix
from stream.scoring.needs import NeedsPolicy
from stream.scoring.playbook import PlaybookPolicy
from stream.scoring.profitability import ProfitabilityPolicy
from stream.scoring.satisfaction import SatisfactionPolicy
from stream.scoring.segments import SegmentTable
from stream.scoring.table_reader import DAYS_MAX, PolicyError, TableReader
from stream.scoring.themes import ThemesPolicy
from stream.scoring.units import DAY
from stream.scoring.visits import VisitsPolicy

__all__ = ["LEVELS", "ChurnPolicy", "ClvPolicy", "Policy", "PolicyError", "default_policy", "parse_policy"]

WINDOW_DAYS_MAX = 3_660


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
    abc: AbcPolicy
    lifecycle: LifecyclePolicy
    matrices: tuple[Matrix, ...]
    playbook: PlaybookPolicy
    loyalty: LoyaltyPolicy
    profitability: ProfitabilityPolicy
    needs: NeedsPolicy
    carts: CartsPolicy
    visits: VisitsPolicy
    satisfaction: SatisfactionPolicy
    anomaly: AnomalyPolicy
    conduct: ConductPolicy
    themes: ThemesPolicy
    market_segments: MarketPolicy

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
        # Complains of a state without a row, and of a gap that is no step.
        compile_lifecycle(self.lifecycle, self.churn)
        # Complains of a rule segment whose condition cannot hold what it says.
        compile_market_segments(self.market_segments, self.segments, self.matrices)

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
    active, tables = segments.read(root.table("segments"))
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
        churn=churn_policy.read(root.table("churn")),
        clv=clv_policy.read(root.table("clv")),
        segments=active,
        segment_tables=tables,
        abc=abc.read(root.table("abc")),
        lifecycle=lifecycle.read(root.table("lifecycle")),
        matrices=matrix.read(root.table("matrix")),
        playbook=playbook.read(root.table("playbook"), root.table("cadence")),
        loyalty=loyalty.read(root.table("loyalty")),
        profitability=profitability.read(root.table("profitability")),
        needs=needs.read(root.table("needs")),
        carts=carts.read(root.table("carts")),
        visits=visits.read(root.table("visits")),
        satisfaction=satisfaction.read(root.table("satisfaction")),
        anomaly=anomaly.read(root.table("anomaly")),
        conduct=conduct.read(root.table("conduct")),
        themes=themes.read(root.table("themes")),
        market_segments=market_segments.read(root.table("market_segments")),
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
