"""What the worker tells Prometheus. One prefix, base units, and never a customer id as a label.

Every label has a small, known set of values: topics, shard numbers, kinds of decisions, names of event fields.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

PREFIX = "scorer"

# When a counter was made says nothing that an operator asks for, and doubles the page.
disable_created_metrics()  # type: ignore[no-untyped-call] # it has no annotations

_COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_EVENTS = (1, 5, 10, 50, 100, 500, 1_000, 2_500, 5_000, 10_000)


class Metrics:
    """All metrics of one worker, in a registry of their own.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.events.labels("applied").inc(3)
    >>> b'scorer_events_total{outcome="applied"} 3.0' in metrics.text()
    True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = self._counter("events", "Events read, by what became of them.", "outcome")
        self.dead_letters = self._counter(
            "dead_letters", "Records refused, by topic and field at fault.", "topic", "field"
        )
        self.decisions = self._counter("decisions", "Decisions made, by kind.", "kind")
        self.tier_moves = self._counter("tier_moves", "Customers moved between tiers.", "direction")
        self.limits_reached = self._counter("limits_reached", "Times a limit was reached, by limit.", "limit")
        self.commits = self._histogram("commit_seconds", "Time one commit to Redis took.", _COMMIT_SECONDS)
        self.batches = self._histogram("batch_events", "Events of one commit.", _BATCH_EVENTS)
        self.refusals = self._counter("commit_refusals", "Commits that Redis refused, by reason.", "reason")
        self.retries = self._counter("retries", "Tries that had to be made again, by what was tried.", "what")
        self.relayed = self._counter("relayed_messages", "Messages delivered to output topics.")
        self.skipped = self._counter("relay_skipped_messages", "Messages found delivered already after a claim.")
        self.event_lag = self._gauge(
            "event_lag_seconds", "Age of the newest event applied, while there is more to read; else 0.", "topic"
        )
        self.outbox = self._gauge("outbox_entries", "Messages decided and not delivered yet.", "shard")
        self.shards = self._gauge("shards_owned", "Shards this worker has claimed.")
        self.cached = self._gauge("cached_customers", "Customer records in memory.")
        self.calibration = self._gauge("calibration_number", "Number of the calibration in use.")
        self.churn = self._gauge(
            "churn_validation_ratio",
            "How good the churn warnings were when the calibration in use was made: auc, brier, precision, recall.",
            "figure",
        )
        self.rescored = self._counter("rescored_customers", "Customers looked at again under a new model.")
        self.rescoring = self._gauge(
            "rescored_ratio", "Part of all customers looked at under the model in use; from the owner of shard 0."
        )
        self.drift = self._gauge(
            "population_psi",
            "Population stability index since the cut-points were taken, by score; from the owner of shard 0.",
            "score",
        )
        self.calibrations = self._counter("calibrations", "Scheduled calibrations, by what became of them.", "outcome")
        self.commit_failures = self._counter("group_commit_failures", "Advisory offset commits that failed.")

    def text(self) -> bytes:
        """The exposition that `/metrics` serves."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace=PREFIX, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace=PREFIX, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, namespace=PREFIX, registry=self.registry, buckets=buckets)
