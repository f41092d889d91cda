"""What a relay remembers of the messages it found in Kafka."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.bundle import encode_bundle
from stream.contracts.decisions import SCORES, Message, cloudevent_headers
from stream.contracts.topics import Topics
from stream.transport.relay_tail import Delivered

TOPICS = Topics()


def message(number, topic="tier-changes", key="c-1", time=None, version=0):
    value = b'{"version":%d}' % version
    return Message(f"{number:032x}", topic, key, SCORES, 1_000 * number if time is None else time, value)


def bundle(*messages):
    return encode_bundle(messages, TOPICS)


def record(sent, offset=0):
    return SimpleNamespace(
        topic=sent.topic,
        offset=offset,
        key=sent.key.encode() or None,
        value=sent.value,
        headers=tuple(cloudevent_headers(sent, "/s")),
    )


def delivered_with(*messages, ids_max=10):
    delivered = Delivered(TOPICS, ids_max)
    for one in messages:
        delivered.read(record(one))
    return delivered


def test_a_message_is_known_by_its_id():
    delivered = delivered_with(message(1))
    assert delivered.holds(message(1))
    assert not delivered.holds(message(2))


def test_a_record_of_somebody_else_is_passed_over():
    delivered = delivered_with()
    delivered.read(SimpleNamespace(topic="tier-changes", key=b"k", headers=()))
    assert len(delivered) == 0


def test_only_in_a_compacted_topic_does_a_later_message_stand_for_the_earlier():
    for topic, stands in (("customer-scores", True), ("tier-changes", False)):
        delivered = delivered_with(message(5, topic))
        assert delivered.holds(message(4, topic)) is stands
        assert not delivered.holds(message(4, topic, key="c-2"))
        assert not delivered.holds(message(6, topic))


def test_another_message_of_the_same_moment_is_sent():
    delivered = delivered_with(message(5, "customer-scores"))
    assert not delivered.holds(message(6, "customer-scores", time=5_000))


def test_of_two_messages_of_one_moment_that_of_the_higher_version_is_the_later():
    for topic, stands in (("customer-scores", True), ("tier-changes", False)):
        delivered = delivered_with(message(5, topic, version=7))
        earlier, later = message(6, topic, time=5_000, version=6), message(6, topic, time=5_000, version=8)
        assert delivered.may_hold(bundle(earlier)) is stands
        assert delivered.holds(earlier) is stands
        assert not delivered.holds(later)


def test_the_oldest_are_forgotten_beyond_the_bound_and_counted():
    delivered = delivered_with(*map(message, range(1, 6)), message(2), ids_max=3)
    assert [number for number in range(1, 6) if delivered.holds(message(number))] == [2, 4, 5]
    assert (len(delivered), delivered.forgotten) == (3, 3)


def test_the_bound_holds_for_compacted_keys_too():
    delivered = delivered_with(*(message(n, "customer-scores", key=f"c-{n}") for n in range(1, 6)), ids_max=3)
    assert not delivered.holds(message(9, "customer-scores", key="c-1", time=0))
    assert delivered.holds(message(9, "customer-scores", key="c-5", time=0))


def test_a_bundle_of_news_is_told_from_its_index():
    delivered = delivered_with(message(1), message(5, "customer-scores"))
    assert not delivered.may_hold(bundle(message(2), message(3), message(6, "customer-scores")))
    assert delivered.may_hold(bundle(message(2), message(1)))
    assert delivered.may_hold(bundle(message(4, "customer-scores")))
    assert not delivered_with().may_hold(bundle(message(1)))
    assert delivered.may_hold(bundle(Message("orders-3-17", "dead-letters", "", SCORES, 9_000, b"")))


numbers = st.integers(0, 20)
known = st.builds(
    message,
    numbers,
    st.sampled_from(["tier-changes", "customer-scores"]),
    st.sampled_from("ab"),
    st.integers(-5, 5),
    numbers,
)


@given(st.lists(known, max_size=8), st.lists(known, min_size=1, max_size=8), st.integers(1, 10))
def test_a_bundle_that_holds_something_delivered_is_never_taken_for_news(found, sent, ids_max):
    delivered = delivered_with(*found, ids_max=ids_max)
    if not delivered.may_hold(bundle(*sent)):
        assert delivered.lacks(sent) == sent


def test_what_was_found_and_did_not_come_up_again_is_not_passed_over():
    delivered = Delivered(TOPICS, 10)
    for number in (3, 4):
        delivered.read(record(message(number), offset=number))
    sent = {"tier-changes": 7, "churn-warnings": 2}
    assert delivered.passed(sent) == {"tier-changes": 3, "churn-warnings": 2}
    assert delivered.holds(message(3))
    assert delivered.passed(sent) == {"tier-changes": 4, "churn-warnings": 2}
    assert delivered.holds(message(4))
    assert delivered.passed(sent) == sent


def test_what_would_be_forgotten_is_passed_over():
    delivered = Delivered(TOPICS, 10)
    delivered.read(record(message(3), offset=3))
    assert delivered.passed({"tier-changes": 20}) == {"tier-changes": 10}


def test_reading_back_again_begins_anew():
    delivered = delivered_with(message(1))
    delivered.begin()
    assert delivered.passed({"tier-changes": 5}) == {"tier-changes": 5}
