"""Pictures of the figures, as SVG that stands in the page itself; with matplotlib, from the extra ``report``."""

from __future__ import annotations

from stream.report.pictures.curves import alive_curve, pareto_curve, reliability_curve
from stream.report.pictures.days import revenue_days
from stream.report.pictures.flows import tier_flows
from stream.report.pictures.grids import retention_grid, rf_grid
from stream.report.pictures.treemap import segment_treemap

__all__ = [
    "alive_curve",
    "pareto_curve",
    "reliability_curve",
    "retention_grid",
    "revenue_days",
    "rf_grid",
    "segment_treemap",
    "tier_flows",
]
