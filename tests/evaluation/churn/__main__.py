"""``python -m tests.evaluation.churn``: all data sets, as a table, and into the page."""

from __future__ import annotations

import sys

from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY
from tests.bench.page import put
from tests.evaluation import BEGIN
from tests.evaluation.churn.figures import measure
from tests.evaluation.churn.histories import read
from tests.evaluation.churn.page import as_block
from tests.evaluation.churn.truth import against_truth, simulated
from tests.evaluation.churn.walk import walk
from tests.kit import datasets
from tests.kit.folders import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "churn.md"
FIRST_DAYS = 120
EVERY_DAYS = 30
"""The first calibration comes so long after the first order of a data set, and the next ones so often."""


def main() -> int:
    """Walk through all data sets there are, print the tables, and put them into the page."""
    policy = default_policy()
    horizon, window = policy.churn.horizon_days * DAY, policy.window_ms
    events = {one.name: one.events for one in datasets.present()}
    events["simulate"], left = simulated()
    measured, reliability, said, weights, truth = [], {}, {}, {"shipped": DEFAULT_CALIBRATION.churn}, []
    for name, of_topic in events.items():
        histories = read(name, of_topic, horizon, window)
        walked = walk(histories, policy, FIRST_DAYS, EVERY_DAYS)
        measured.append(measure(histories, walked, policy))
        weights[name] = walked.calibrations[-1].churn
        reliability[name] = walked.reliability
        if walked.validation is not None:
            said[name] = walked.validation
        if name == "simulate":
            truth = against_truth(walked, left)
    block = as_block(measured, reliability, said, weights, truth)
    sys.stdout.write(f"{block}\n")
    if "--page" in sys.argv:
        put(PAGE, block, BEGIN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
