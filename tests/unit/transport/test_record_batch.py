"""Our batches are, byte for byte, those that aiokafka's own builder makes."""

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.bundle import KINDS, BundleError, encode_bundle, topic_names
from stream.contracts.decisions import SCORES, Message, cloudevent_headers
from stream.contracts.times import MOMENT_MAX, MOMENT_MIN
from stream.contracts.topics import Topics
from stream.transport.record_batch import Assembly

NOW = 1_767_225_600_123
PRODUCER = (4_711, 3, 17)
NO_LIMIT = 2**31
TOPICS = Topics("shop.")

messages = st.builds(
    Message,
    st.text(max_size=80) | st.integers(0, 2**128 - 1).map("{:032x}".format),
    st.sampled_from(topic_names(TOPICS)),
    st.one_of(st.text(max_size=70), st.just("c" * 9_000)),
    st.sampled_from(KINDS),
    st.integers(MOMENT_MIN, MOMENT_MAX) | st.integers(MOMENT_MIN // 1000, MOMENT_MAX // 1000).map(lambda s: s * 1000),
    st.one_of(st.binary(max_size=300), st.just(b"x" * 70_000)),
)
bundles = st.lists(st.lists(messages, max_size=12), max_size=3)


def theirs(sent, source, bytes_max):
    """What aiokafka makes of messages: a batch at a time for each topic, in the order in which they begin."""
    done, filling = [], {}
    for message in sent:
        headers = cloudevent_headers(message, source)
        record = {"timestamp": NOW, "key": message.key.encode() or None, "value": message.value, "headers": headers}
        builder = filling.get(message.topic)
        if builder is None or builder.append(**record) is None:
            builder = filling[message.topic] = BatchBuilder(bytes_max, 0, is_transactional=1)
            builder.append(**record)
            done.append((message.topic, builder))
    for _, builder in done:
        builder._set_producer_state(*PRODUCER)
    return [(topic, bytes(builder._build())) for topic, builder in done]


def ours(sent, source, bytes_max):
    entries = [encode_bundle(some, TOPICS) for some in sent]
    assembly = Assembly(entries, TOPICS, source, NOW, bytes_max)
    assert len(assembly) == sum(map(len, sent)) == sum(batch.record_count() for batch in assembly.batches)
    for batch in assembly.batches:
        batch._set_producer_state(*PRODUCER)
        assert batch.closed()
        assert batch.size() == len(batch._build())
    return [(batch.topic, bytes(batch._build())) for batch in assembly.batches]


@given(bundles, st.sampled_from(["/scorer", "/größer"]), st.sampled_from([1, 700, 2_000, 80_000, NO_LIMIT]))
def test_same_bytes_as_aiokafka(sent, source, bytes_max):
    flat = [message for some in sent for message in some]
    assert ours(sent, source, bytes_max) == theirs(flat, source, bytes_max)


@given(bundles.filter(any), st.sampled_from([1, 700]))
def test_the_first_message_of_a_batch_is_found_again(sent, bytes_max):
    assembly = Assembly([encode_bundle(some, TOPICS) for some in sent], TOPICS, "/scorer", NOW, bytes_max)
    for number, batch in enumerate(assembly.batches):
        record = next(iter(DefaultRecordBatch(bytes(batch._build()))))
        message = assembly.first_of(number)
        assert message.topic == batch.topic
        assert (message.key.encode() or None, message.value) == (record.key, record.value)
        assert record.headers == cloudevent_headers(message, "/scorer")


def test_more_records_than_one_byte_of_a_place_holds():
    sent = [Message(f"{n:032x}", TOPICS.customer_scores, f"c-{n}", SCORES, n, b"{}") for n in range(9_000)]
    ((topic, built),) = ours([sent[:4_000], sent[4_000:]], "/scorer", NO_LIMIT)
    assert [(topic, built)] == theirs(sent, "/scorer", NO_LIMIT)
    batch = DefaultRecordBatch(built)
    assert batch.validate_crc()
    assert [record.key.decode() for record in batch] == [message.key for message in sent]


GOOD = Message("o-1", TOPICS.dead_letters, "c-1", KINDS[-1], 0, b"{}")


def changed(at, byte):
    entry = bytearray(encode_bundle([GOOD], TOPICS))
    entry[at] = byte
    return bytes(entry)


@pytest.mark.parametrize(
    "entry",
    [
        *(b"\xc1 not ours", encode_bundle([GOOD], TOPICS) + b"x"),
        *(
            changed(at, byte)
            for at, byte in ((4, 2), (7, 1), (8, 6), (9, 0x40), (9, 0xC0), (10, 4), (15, 255), (27, 255))
        ),
        changed(23, 127),
    ],
)
def test_an_entry_that_is_no_bundle_is_refused_before_anything_is_written(entry):
    good = encode_bundle([GOOD], TOPICS)
    for entries in ([entry], [good, entry], [entry, good]):
        with pytest.raises(BundleError):
            Assembly(entries, TOPICS, "/scorer", NOW, NO_LIMIT)


def test_nothing_to_send_is_no_batch():
    assert Assembly([], TOPICS, "/scorer", NOW, NO_LIMIT).batches == []
    assert Assembly([encode_bundle([], TOPICS)], TOPICS, "/scorer", NOW, NO_LIMIT).batches == []
