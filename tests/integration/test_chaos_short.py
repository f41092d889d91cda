"""The chaos suite in small: workers, Kafka and Redis are broken, and a mutant is seen; `make chaos` runs all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.mutants import MUTANTS, look_at
from tests.chaos.play import play
from tests.chaos.schedule import schedule_of
from tests.chaos.stage import PROGRESS_SECONDS
from tests.kit.place import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]


async def test_three_faults_under_load(tmp_path):
    names = ("worker killed three times", "Kafka killed and restarted", "Redis' append-only file cut")
    schedule = replace(schedule_of(1, list(FAULTS)), faults=names, workers=2)
    report = await play(schedule, 6_000, tmp_path)
    assert report.wrong == {}
    assert (report.lost, report.doubled, report.out_of_order) == (0, 0, 0)
    assert [name for name, _ in report.stalls] == [*names]
    assert max(seconds for _, seconds in report.stalls) <= PROGRESS_SECONDS
    assert report.messages > 0


def test_real_workers_without_a_check_are_seen():
    mutant = next(
        mutant for mutant in MUTANTS if mutant.name == "positions and the number of the commit are not checked"
    )
    # There and not in a temporary directory: machine code is kept by path.
    verdict = look_at(replace(mutant, tests=""), REPOSITORY / "build" / "mutant-short")
    assert verdict.seen == {"model": True, "real workers": True}
