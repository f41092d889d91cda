"""What the calibration in use says of itself, for whoever watches a worker."""

from __future__ import annotations

from typing import Final

from stream.metrics import Metrics
from stream.scoring.calibration import Calibration

CHURN_FIGURES: Final = ("auc", "brier", "precision", "recall")
"""Figures of `stream.scoring.churn_validation` that are shown, each a share."""


def show_calibration(metrics: Metrics, calibration: Calibration) -> None:
    """Show its number, and how good the warnings of churn were when it was made; what is not known is not shown."""
    metrics.calibration.set(calibration.number)
    metrics.churn.clear()
    validation = calibration.churn_notes and calibration.churn_notes.validation
    for figure in CHURN_FIGURES if validation else ():
        value = getattr(validation, figure)
        if value is not None:
            metrics.churn.labels(figure).set(value)
