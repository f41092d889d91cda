import pytest
from faust.types import TP

from stream.transport.claim import beyond_end, shards_of, starting_points
from stream.transport.errors import PositionOutOfLog, TopicRecreated, TopicsUnfit, check_ids, check_topics

A, B = TP("orders", 0), TP("orders", 1)


@pytest.mark.parametrize(
    ("stored", "point"),
    [({}, 3), ({A: -1}, 3), ({A: 3}, 3), ({A: 7}, 7), ({A: 9}, 9)],
)
def test_reading_begins_at_the_stored_position_or_where_the_log_does(stored, point):
    assert starting_points(stored, {A: 3}, {A: 9}) == {A: point}


def test_zero_is_a_position_like_any_other():
    assert starting_points({A: 0}, {A: 0}, {A: 9}) == {A: 0}
    with pytest.raises(PositionOutOfLog, match="the log begins at 3: 3 offsets were deleted"):
        starting_points({A: 0}, {A: 3}, {A: 9})


def test_a_position_beyond_the_end_is_told():
    assert beyond_end({A: 10, B: 9}, {A: 9, B: 9}) == [A]
    with pytest.raises(PositionOutOfLog, match="orders/0: the stored position is 10, but the log ends at 9"):
        starting_points({A: 10}, {A: 3}, {A: 9})


def test_a_shard_without_one_of_its_topics_is_refused():
    with pytest.raises(TopicsUnfit, match="orders has 2 partitions, profiles has 1 partitions"):
        shards_of({A: 1, B: 2, TP("profiles", 0): 3}, ["orders", "profiles"])


def test_no_shards_are_fine():
    assert shards_of({}, ["orders"]) == {}


def test_topics_have_to_have_the_partitions_that_are_set():
    with pytest.raises(TopicsUnfit, match="orders has 4 partitions, profiles is missing"):
        check_topics({"orders": 4, "profiles": 0}, 4)
    with pytest.raises(TopicsUnfit, match="all of them need 8"):
        check_topics({"orders": 4, "profiles": 4}, 8)


def test_a_topic_of_another_id_is_refused_with_what_to_do():
    with pytest.raises(
        TopicRecreated, match=r"profiles was created anew: .* id b, .* id c.*accept profiles"
    ) as refused:
        check_ids({"orders": "a", "profiles": "b"}, {"orders": "a", "profiles": "c"})
    assert (refused.value.topic, refused.value.known, refused.value.found) == ("profiles", "b", "c")


@pytest.mark.parametrize("known", [{}, {"orders": "a"}, {"orders": "a", "profiles": "b"}])
def test_ids_that_are_not_known_yet_are_no_trouble(known):
    check_ids(known, {"orders": "a", "profiles": "b"})
    check_ids(known, {})
