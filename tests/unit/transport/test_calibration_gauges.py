"""A worker shows what the calibration in use says of its warnings, and nothing that an earlier one said."""

from __future__ import annotations

import msgspec

from stream.metrics import Metrics
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.churn_samples import Said
from stream.scoring.churn_validation import ChurnNotes, validate
from stream.transport.calibration_gauges import show_calibration


def shown(metrics):
    lines = metrics.text().decode().splitlines()
    return [line for line in lines if line.startswith("scorer_churn_validation_ratio")]


def test_figures_of_the_calibration_in_use():
    metrics = Metrics()
    found = validate([Said(180, 2.0, True, 8, 2), Said(180, -2.0, False, 1, 9)])
    learned = msgspec.structs.replace(DEFAULT_CALIBRATION, number=2, churn_notes=ChurnNotes(True, 9, 11, found))
    show_calibration(metrics, learned)
    assert shown(metrics) == [
        'scorer_churn_validation_ratio{figure="auc"} 0.853535',
        'scorer_churn_validation_ratio{figure="brier"} 0.128448',
        'scorer_churn_validation_ratio{figure="precision"} 0.8',
        'scorer_churn_validation_ratio{figure="recall"} 0.888889',
    ]
    assert b"scorer_calibration_number 2.0" in metrics.text()
    show_calibration(metrics, DEFAULT_CALIBRATION)
    assert shown(metrics) == []
