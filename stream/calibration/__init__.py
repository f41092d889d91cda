"""Calibrations: read, made from the histograms of all shards, tried out, published, adopted.

A calibration is a numbered, immutable document in Redis. `store` reads and publishes it, `fit` makes the next one,
`dry_run` says beforehand who would move, `watch` lets a worker adopt a new one without a restart, and `announce` puts
every number on the compacted topic for other programs.
"""
