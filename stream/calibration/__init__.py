"""Calibrations: read, made from what all shards hold, tried out, published, adopted.

A calibration is a numbered, immutable document in Redis. `store` reads and publishes it. `making` makes the next one:
`fit` takes cut-points from the histograms (`population`), `models` learns from a `sample` of the customers, `churn`
from what came of those who were looked at. `dry_run` says beforehand who would move, `thresholds` what differs.
`watch` lets a worker adopt a new one without a restart, `progress` says how far its customers are, `service` makes one
on schedule, and `announce` puts every number on the compacted topic for other programs.
"""
