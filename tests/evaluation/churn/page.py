"""The figures as the tables of ``docs/reference/churn.md``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from stream.scoring.churn_model import ChurnCoefficients
from stream.scoring.churn_validation import ReliabilityBin, Validation
from tests.bench.page import table
from tests.evaluation.churn.figures import Figures
from tests.evaluation.churn.rivals import OURS
from tests.evaluation.churn.truth import TrueBin


def as_block(
    measured: Sequence[Figures],
    reliability: dict[str, Sequence[ReliabilityBin]],
    said: dict[str, Validation],
    weights: dict[str, ChurnCoefficients],
    truth: Sequence[TrueBin],
) -> str:
    """All tables."""
    parts = (
        _data(measured),
        _areas(measured),
        _warnings(measured),
        _levels(measured),
        _leads(measured),
        *(_reliability(name, bins) for name, bins in reliability.items()),
        _quarters(said),
        _weights(weights),
        _truth(truth),
    )
    return "\n".join(line for part in parts for line in part).strip()


def _data(measured: Sequence[Figures]) -> list[str]:
    heads = ("data", "days", "first calibration", "the last", "calibrations", "customers", "moments", "lost", "fields")
    rows = [
        (
            *(one.name, f"{one.days}", _day(one.splits[0]), _day(one.splits[-1]), f"{len(one.splits)}"),
            *(f"{one.customers:,}", f"{one.moments:,}", f"{one.gone:.1%}", f"{one.fields:.0f}"),
        )
        for one in measured
    ]
    return table("What was walked through", heads, rows)


def _areas(measured: Sequence[Figures]) -> list[str]:
    heads = ("data", *(name for name in measured[0].rivals), "ahead of the best rival by (95 %)") if measured else ()
    rows = []
    for one in measured:
        best = max((name for name in one.rivals if name != OURS), key=lambda name: one.rivals[name].auc)
        ahead, low, high = one.rivals[best].behind
        aucs = (f"{rival.auc:.4f}" for rival in one.rivals.values())
        rows.append((one.name, *aucs, f"{ahead:+.4f} ({low:+.4f} to {high:+.4f})"))
    return table("AUC", heads, rows)


def _warnings(measured: Sequence[Figures]) -> list[str]:
    heads = ("data", "warned", *(name for name in measured[0].rivals)) if measured else ()
    rows = [
        (
            one.name,
            f"{one.warned:.1%}",
            *(f"{rival.precision:.3f} / {rival.recall:.3f}" for rival in one.rivals.values()),
        )
        for one in measured
    ]
    return table("Precision / recall, rivals at as many warnings", heads, rows)


def _levels(measured: Sequence[Figures]) -> list[str]:
    heads = ("data", *measured[0].levels) if measured else ()
    rows = [
        (
            one.name,
            *(f"{share:.1%}: {precision:.3f} / {recall:.3f}" for share, precision, recall in one.levels.values()),
        )
        for one in measured
    ]
    return table("From each level on: share of the moments, precision / recall", heads, rows)


def _leads(measured: Sequence[Figures]) -> list[str]:
    rows = [
        (
            one.name,
            f"{one.losses:,}",
            f"{one.losses_warned:.1%}",
            "none" if one.median_lead_days is None else f"{one.median_lead_days:.0f} of {one.horizon_days}",
        )
        for one in measured
    ]
    return table("Lead time", ("data", "losses", "warned of", "median days"), rows)


def _reliability(name: str, bins: Sequence[ReliabilityBin]) -> list[str]:
    rows = [(f"{one.said:.2f}", f"{one.gone:.2f}", f"{one.customers:,}") for one in bins]
    return table(f"Reliability, {name}", ("risk that was said", "lost", "moments"), rows)


def _quarters(said: dict[str, Validation]) -> list[str]:
    rows = [
        (
            name,
            _day(quarter.begins_at),
            f"{quarter.samples:,}",
            f"{quarter.gone / quarter.samples:.1%}",
            "" if quarter.auc is None else f"{quarter.auc:.3f}",
            f"{quarter.brier:.4f}",
        )
        for name, validation in said.items()
        for quarter in validation.quarters
    ]
    return table(
        "Quarter by quarter, as the calibration tells it", ("data", "from", "samples", "lost", "AUC", "Brier"), rows
    )


def _weights(weights: dict[str, ChurnCoefficients]) -> list[str]:
    names = [name for name in ChurnCoefficients.__struct_fields__ if name != "gap"]
    rows = [
        (name, *(f"{getattr(one, field):.2f}" for field in names), " ".join(f"{weight:.2f}" for weight in one.gap))
        for name, one in weights.items()
    ]
    return table("Weights, shipped and learned last", ("data", *(f"`{name}`" for name in names), "`gap`"), rows)


def _truth(truth: Sequence[TrueBin]) -> list[str]:
    rows = [
        (f"{one.said:.2f}", f"{one.gone:.2f}", f"{one.left:.2f}", f"{one.p_gone:.2f}", f"{one.moments:,}")
        for one in truth
    ]
    heads = ("risk that was said", "no order within the horizon", "had left in truth", "1 - P(alive)", "moments")
    return table("Against the known truth of `scorer simulate`", heads, rows)


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1_000, UTC):%Y-%m-%d}"
