"""The shipped policy and calibration, compiled once for these tests."""

from __future__ import annotations

from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.churn_model import compile_churn
from stream.scoring.policy import default_policy
from stream.scoring.rfm import compile_edges

POLICY = default_policy()
TABLES = {table.name: table for table in POLICY.segment_tables}
EDGES = compile_edges(DEFAULT_CALIBRATION.rfm)
CHURN = compile_churn(POLICY, DEFAULT_CALIBRATION.churn, DEFAULT_CALIBRATION.alive)
