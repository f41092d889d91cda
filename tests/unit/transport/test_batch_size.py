"""How many events a commit should have."""

import pytest

from stream.transport.batch_size import APART_EVENTS_MAX, BatchSize

LARGE = (15_000, 20_000)
SMALL = (APART_EVENTS_MAX, APART_EVENTS_MAX)


def limits(size: BatchSize) -> tuple[int, int]:
    return size.gather, size.most


@pytest.mark.parametrize(("records", "after"), [(12_000, LARGE), (12_001, SMALL)])
def test_a_large_commit_that_saves_too_few_writes_is_followed_by_small_ones(
    records: int, after: tuple[int, int]
) -> None:
    size = BatchSize(*LARGE)
    size.seen(events=15_000, records=records)
    assert limits(size) == after


@pytest.mark.parametrize(("records", "after"), [(4_750, LARGE), (4_751, SMALL)])
def test_small_commits_in_which_customers_come_twice_lead_back_to_large_ones(
    records: int, after: tuple[int, int]
) -> None:
    size = BatchSize(*LARGE)
    size.seen(events=15_000, records=15_000)
    size.seen(events=5_000, records=records)
    assert limits(size) == after


def test_a_few_events_say_nothing() -> None:
    size = BatchSize(*LARGE)
    size.seen(events=APART_EVENTS_MAX - 1, records=APART_EVENTS_MAX - 1)
    assert limits(size) == LARGE


def test_what_was_set_lower_stays_lower() -> None:
    size = BatchSize(gather=100, most=200)
    size.seen(events=200, records=200)
    assert limits(size) == (100, 200)
