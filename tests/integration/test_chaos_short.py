"""The chaos suite in small: workers, Kafka and Redis are broken; `make chaos` runs every fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.play import play
from tests.chaos.schedule import schedule_of
from tests.chaos.stage import PROGRESS_SECONDS

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]


async def test_six_faults_under_load(tmp_path):
    names = (
        "worker killed three times",
        "Kafka killed and restarted",
        "worker joins",
        "Redis' append-only file cut",
        "connections to Redis reset in mid-answer",
        "worker killed between relay and trim",
    )
    schedule = replace(schedule_of(1, list(FAULTS)), faults=names, workers=2)
    report = await play(schedule, 10_000, tmp_path)
    assert report.wrong == {}
    assert (report.lost, report.doubled, report.out_of_order) == (0, 0, 0)
    assert [name for name, _ in report.stalls] == [*names]
    assert max(seconds for _, seconds in report.stalls) <= PROGRESS_SECONDS
    assert report.messages > 0
