"""What was measured on the way, and what it comes to: slopes, lags."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MB = 1 << 20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: A fresh process has loaded its code and read its first batches at this age.
STARTED_SECONDS = 12.0
#: The worker that lives on has seen everything it will see, a takeover and a cohort of customers, at this age.
SETTLED_SECONDS = 60.0
#: Memory that grows faster is not flat; a shorter run than this cannot tell.
FLAT_MB_PER_MINUTE = 1.0
JUDGED_MINUTES = 10.0


class Sample(NamedTuple):
    """Memory of one process at a moment of the run, both in seconds; memory in MB."""

    run: float
    age: float
    mb: float


@dataclass
class Figures:
    """Everything that was measured.

    Attributes
    ----------
    steady
        The worker that is never killed.
    lives
        Every life of the other one.
    redis
        Resident memory of Redis.
    lag
        Events written and not yet accounted for, at each look.
    takeovers
        Kills of a worker that had shards.
    """

    minutes: float
    rate: float
    kill_every_seconds: float
    orders: int = 0
    produced: int = 0
    seconds: float = 0.0
    kills: int = 0
    takeovers: int = 0
    steady: list[Sample] = field(default_factory=list)
    lives: list[list[Sample]] = field(default_factory=list)
    redis: list[Sample] = field(default_factory=list)
    lag: list[tuple[float, int]] = field(default_factory=list)
    drained_seconds: float | None = None
    lag_at_the_end: int | None = None
    messages: int = 0
    wrong: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """The figures that are reported."""
        lags = [lag for _, lag in self.lag]
        steady = [one for one in self.steady if one.age >= SETTLED_SECONDS]
        lives = [[one for one in life if one.age >= STARTED_SECONDS] for life in self.lives]
        lives = [life for life in lives if len(life) > 1]
        peaks = [max(life, key=lambda one: one.mb) for life in lives]
        return {
            "minutes": self.minutes,
            "rate": self.rate,
            "kill_every_seconds": self.kill_every_seconds,
            "orders": self.orders,
            "records_written": self.produced,
            "rate_seen": round(self.produced / self.seconds, 1) if self.seconds else None,
            "kills": self.kills,
            "kills_of_a_worker_with_shards": self.takeovers,
            "worker_that_lives_on_mb": _spread(steady),
            "worker_that_lives_on_mb_per_minute": slope([(one.run, one.mb) for one in steady]),
            "killed_workers_mb": _spread([one for life in lives for one in life]),
            "killed_workers_mb_per_minute_of_age": _slope_within(lives),
            "killed_workers_peak_mb_per_minute_of_run": slope([(one.run, one.mb) for one in peaks]),
            "redis_mb": _spread(self.redis),
            "redis_mb_per_minute": slope([(one.run, one.mb) for one in self.redis]),
            "lag_median": float(np.median(lags)) if lags else None,
            "lag_p95": float(np.percentile(lags, 95)) if lags else None,
            "lag_max": max(lags, default=None),
            "lag_at_the_end": self.lag_at_the_end,
            "seconds_to_drain": None if self.drained_seconds is None else round(self.drained_seconds, 2),
            "messages": self.messages,
            "wrong": self.wrong,
        }

    def judge(self) -> None:
        """Note what grows."""
        if self.minutes < JUDGED_MINUTES:
            return
        summary = self.summary()
        for name in ("worker_that_lives_on_mb_per_minute", "killed_workers_peak_mb_per_minute_of_run"):
            if summary[name] is None or summary[name] > FLAT_MB_PER_MINUTE:
                self.wrong[name] = summary[name]

    def as_json(self) -> dict[str, Any]:
        """The summary, and every sample that it is made of."""
        return self.summary() | {"samples": {name: asdict(self)[name] for name in ("steady", "lives", "redis", "lag")}}


def resident(pid: int, run: float, age: float) -> Sample | None:
    """Memory of a process now; None when it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return None
    return Sample(run, age, pages * PAGE_BYTES / MB)


def slope(points: list[tuple[float, float]]) -> float | None:
    """Least squares over (seconds, MB), in MB a minute; None where there are too few points.

    >>> slope([(0, 1.0), (60, 3.0), (120, 5.0)]), slope([(0, 1.0)])
    (2.0, None)
    """
    return _slope_within([points]) if len(points) > 2 else None


def _slope_within(groups: list[list[Sample]] | list[list[tuple[float, float]]]) -> float | None:
    """Slope by age that all groups have in common, whatever the level of each."""
    over = below = 0.0
    for group in groups:
        ages = np.array([one.age if isinstance(one, Sample) else one[0] for one in group])
        sizes = np.array([one[-1] for one in group])
        ages = ages - ages.mean()
        over += float(ages @ (sizes - sizes.mean()))
        below += float(ages @ ages)
    return round(60 * over / below, 3) if below else None


def _spread(samples: list[Sample]) -> dict[str, float]:
    """Memory in the first quarter of the samples, in the last, and at most."""
    if not samples:
        return {}
    sizes = [one.mb for one in sorted(samples)]
    quarter = max(1, len(sizes) // 4)
    return {
        "first_quarter": round(float(np.median(sizes[:quarter])), 1),
        "last_quarter": round(float(np.median(sizes[-quarter:])), 1),
        "max": round(max(sizes), 1),
    }


def as_text(summary: dict[str, Any]) -> str:
    """The summary as lines."""
    return "\n".join(f"{name.replace('_', ' '):45} {value}" for name, value in summary.items())
