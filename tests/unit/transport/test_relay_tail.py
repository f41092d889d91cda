"""What a relay remembers of the messages it found in Kafka."""

from types import SimpleNamespace

from stream.contracts.decisions import Message, cloudevent_headers
from stream.transport.relay_tail import Delivered


def message(number, topic="tier-changes", key="c-1", time=None):
    return Message(f"id-{number}", topic, key, "x", 1_000 * number if time is None else time, b"{}")


def record(sent):
    return SimpleNamespace(
        topic=sent.topic, key=sent.key.encode() or None, headers=tuple(cloudevent_headers(sent, "/s"))
    )


def delivered_with(*messages, ids_max=10):
    delivered = Delivered({"customer-scores"}, ids_max)
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


def test_the_oldest_are_forgotten_beyond_the_bound_and_counted():
    delivered = delivered_with(*map(message, range(1, 6)), message(2), ids_max=3)
    assert [number for number in range(1, 6) if delivered.holds(message(number))] == [2, 4, 5]
    assert (len(delivered), delivered.forgotten) == (3, 3)


def test_the_bound_holds_for_compacted_keys_too():
    delivered = delivered_with(*(message(n, "customer-scores", key=f"c-{n}") for n in range(1, 6)), ids_max=3)
    assert not delivered.holds(message(9, "customer-scores", key="c-1", time=0))
    assert delivered.holds(message(9, "customer-scores", key="c-5", time=0))
