"""Laws of the three scores, and of the timer that waits for recency to fall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.scoring.rfm import Edges, compile_edges, next_recency_fall, score, scores
from stream.scoring.units import DAY, NEVER, SECOND

times = st.integers(1_000_000_000_000, 1_900_000_000_000)
# Fitted edges are interpolations such as 12.3750000000000018 days, so they come with rounding errors.
day_edges = st.lists(
    st.floats(0.01, 800) | st.integers(1, 8_000).map(lambda tenths: tenths * 0.1), min_size=4, max_size=4
)
edges = day_edges.map(lambda days: compile_edges(Edges(tuple(sorted(days)), (2, 4, 8, 16), (10, 20, 30, 40))))
ages = st.integers(0, 1_000 * DAY)
figures = st.integers(0, 10**9)


@given(edges, ages, st.integers(1, 40), figures, figures)
def test_scores_are_one_to_five_and_rise_with_the_figure(table, age, frequency, money, more):
    low, high = scores(age, frequency, money, table), scores(age, frequency + 1, money + more, table)
    assert all(1 <= value <= 5 for value in low)
    assert low[0] == high[0]
    assert low[1] <= high[1]
    assert low[2] <= high[2]


@given(edges, ages, ages)
def test_recency_only_falls_with_time(table, age, longer):
    assert scores(age + longer, 1, 0, table)[0] <= scores(age, 1, 0, table)[0]


@given(edges, times, ages, st.integers(0, 400 * DAY))
def test_recency_does_not_fall_before_its_timer(table, last_at, age, wait):
    as_of = last_at + age
    due = next_recency_fall(last_at, as_of, table)
    just_before = min(as_of + wait, due - SECOND)
    if just_before > as_of:
        assert scores(just_before - last_at, 1, 0, table) == scores(age, 1, 0, table)


@given(edges, times)
def test_following_the_timer_leads_through_every_fall_and_ends(table, last_at):
    """No fall is lost to rounding: at each timer the edge it waited for is reached."""
    as_of, seen = last_at, []
    while (due := next_recency_fall(last_at, as_of, table)) != NEVER:
        assert due > as_of
        assert due % SECOND == 0
        as_of = due
        seen.append(scores(as_of - last_at, 1, 0, table)[0])
        assert any(0 <= as_of - last_at - edge < SECOND for edge in table.age_ms)
    assert len(seen) <= 4
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 1


@given(st.lists(figures, min_size=4, max_size=4).map(sorted), figures)
def test_a_score_is_the_place_among_the_edges(four, value):
    place = score(value, four)
    assert place == 1 or four[place - 2] <= value
    assert place == 5 or value < four[place - 1]
