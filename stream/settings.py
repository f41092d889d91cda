"""Every setting of the scorer, read from the environment (``STREAM_…``) or a ``.env`` file.

A limit that can be reached is a setting here, with its unit last in its name. Anything that changes what a
score *means* is not a setting but part of the policy or of the calibration.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What one worker, or one command, needs to know.

    Examples
    --------
    >>> Settings(_env_file=None, partitions=8).partitions
    8
    """

    model_config = SettingsConfigDict(env_prefix="STREAM_", env_file=".env", extra="ignore", frozen=True)

    kafka: str = Field("127.0.0.1:9092", description="Brokers to start from: host:port, separated by commas.")
    redis_url: str = Field("redis://127.0.0.1:6379/0", description="Redis that holds the state.")
    redis_connections_max: int = Field(64, ge=1, description="Commands to Redis under way at once; more wait.")
    partitions: int = Field(4, ge=1, le=4096, description="Partitions of every topic; a partition is a shard.")
    replication_factor: int = Field(1, ge=1, description="Replicas that `scorer topics create` asks for.")
    topic_prefix: str = Field("", description="Put before every topic name.")
    group_id: str = Field("scorer", description="Kafka consumer group.")
    key_prefix: str = Field("scorer", description="Put before every Redis key, and in transactional ids.")
    clock: Literal["wall", "event"] = Field("wall", description="wall: live; event: the log's own time (replay).")
    base_currency: str = Field("EUR", min_length=3, max_length=3, description="The only currency accepted.")
    window_days: int | None = Field(None, ge=1, le=3660, description="Rolling window; the policy's when unset.")
    policy: Path | None = Field(None, description="TOML file of tiers, segments and churn; the shipped one when unset.")

    web_host: str = Field("127.0.0.1", description="Address the API listens on.")
    web_port: int = Field(6066, ge=0, le=65535, description="Port of the API; 0 takes a free one.")
    web_enabled: bool = Field(default=True, description="Serve the API and /metrics from the worker.")
    api_tokens: str = Field("", description="Bearer tokens accepted by /v1, separated by commas; none: open.")

    occurred_at_min: str = Field("1990-01-01T00:00:00Z", description="Events older than this are dead letters.")
    future_tolerance_seconds: float = Field(300.0, ge=0, description="How far a producer's clock may run ahead.")
    value_bytes_max: int = Field(262_144, ge=1024, description="Larger records are dead letters, unparsed.")
    seed_after_seconds: float = Field(172_800.0, gt=0, description="Moments further back are origin=seed (wall clock).")

    batch_records_max: int = Field(5_000, ge=1, description="Records of one poll and topic-partition.")
    commit_events_max: int = Field(20_000, ge=1, description="Events of one commit; only a backlog makes one so large.")
    gather_events: int = Field(
        15_000,
        ge=1,
        description="Events a shard far behind gathers before it commits, where customers come twice among them.",
    )
    buffered_records_max: int = Field(20_000, ge=1, description="Records held per topic-partition before it is paused.")
    cached_customers_max: int = Field(400_000, ge=1, description="Customer records kept in memory by one worker.")
    topic_idle_seconds: float | None = Field(
        None, ge=0, description="How long to wait for a topic that is read to its end; 3 with clock=event, else 0."
    )
    sweep_seconds: float = Field(0.5, gt=0, description="Seconds between two looks at the timers of a shard.")
    sweep_customers_max: int = Field(2_000, ge=1, description="Customers of one sweep commit.")
    outbox_entries_max: int = Field(200_000, ge=1, description="Undelivered messages of a shard before it waits.")
    relay_batch_max: int = Field(10_000, ge=1, description="Messages of one outgoing transaction.")
    relay_tail_records: int = Field(10_000, ge=0, description="Records of an output partition read after a claim.")
    ledger_orders_max: int = Field(1_000, ge=8, description="Orders kept one by one per customer; older are folded.")
    interaction_dedupe_max: int = Field(128, ge=1, description="Interaction ids remembered per customer.")
    table_hours_max: int = Field(31 * 24, ge=1, description="Hours of rolling tables kept.")
    table_days_max: int = Field(400, ge=1, description="Days of rolling tables kept.")
    table_names_max: int = Field(
        100,
        ge=1,
        le=1_000,
        description="Names of a kind (channels, regions, categories, ...) in the tables of a shard; beyond: other.",
    )
    retry_seconds_max: float = Field(5.0, gt=0, description="Longest pause between two tries of Redis or Kafka.")
    watchdog_seconds: float = Field(120.0, gt=0, description="Standing still for this long with lag ends the worker.")
    commit_interval_seconds: float = Field(2.8, gt=0, description="Between two advisory commits to the group.")
    session_timeout_seconds: float = Field(6.0, gt=0, description="Silence after which the group gives a worker up.")
    stop_seconds_max: float = Field(6.0, gt=0, description="On the way out: wait for shards, then for the group.")
    calibration_poll_seconds: float = Field(1.0, gt=0, description="Between two looks for a newer calibration.")
    calibrate_every_hours: float | None = Field(
        168.0, gt=0, description="Hours between two scheduled calibrations; unset (none): only by `scorer calibrate`."
    )
    calibrate_moves_max: float = Field(
        0.25, ge=0, le=1, description="A scheduled calibration that moves a larger share of customers is not adopted."
    )
    calibrate_sample_max: int = Field(50_000, ge=1_000, description="Customers that models are learned from at most.")
    drift_seconds: float = Field(300.0, gt=0, description="Between two looks at the drift of the population.")
    rescore_customers_per_second: int = Field(5_000, ge=1, description="Bound on rescoring after a calibration.")

    @property
    def idle_seconds(self) -> float:
        """Seconds a shard waits for a topic that seems read to its end, before going on without it."""
        if self.topic_idle_seconds is not None:
            return self.topic_idle_seconds
        return 3.0 if self.clock == "event" else 0.0
