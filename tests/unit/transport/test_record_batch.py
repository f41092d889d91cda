"""Our batches are, byte for byte, those that aiokafka's own builder makes."""

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.decisions import SCORES, TIER_CHANGED, Message, cloudevent_headers
from stream.contracts.times import MOMENT_MAX, MOMENT_MIN
from stream.transport.record_batch import RecordBatch, record_of, varint

NOW = 1_767_225_600_123
PRODUCER = (4_711, 3, 17)

messages = st.builds(
    Message,
    st.text(max_size=80),
    st.just("tier-changes"),
    st.one_of(st.text(max_size=70), st.just("c" * 9_000)),
    st.sampled_from([SCORES, TIER_CHANGED, "äöü"]),
    st.integers(MOMENT_MIN, MOMENT_MAX),
    st.one_of(st.binary(max_size=300), st.just(b"x" * 70_000)),
)


def theirs(sent, source):
    builder = BatchBuilder(10_000_000, 0, is_transactional=1)
    for message in sent:
        headers = cloudevent_headers(message, source)
        builder.append(timestamp=NOW, key=message.key.encode() or None, value=message.value, headers=headers)
    builder._set_producer_state(*PRODUCER)
    return bytes(builder._build())


def ours(sent, source):
    builder = RecordBatch(NOW)
    for message in sent:
        builder.add(record_of(message, source))
    size = builder.size()
    builder._set_producer_state(*PRODUCER)
    built = bytes(builder._build())
    assert size == len(built) == builder.size()
    assert builder.closed()
    assert builder.record_count() == len(sent)
    return built


@given(st.lists(messages, min_size=1, max_size=20), st.sampled_from(["/scorer", "/größer"]))
def test_same_bytes_as_aiokafka(sent, source):
    assert ours(sent, source) == theirs(sent, source)


def test_places_beyond_the_table_of_numbers():
    sent = [Message(f"{n:032x}", "t", f"c-{n}", SCORES, n, b"{}") for n in range(9_000)]
    built = ours(sent, "/scorer")
    assert built == theirs(sent, "/scorer")
    batch = DefaultRecordBatch(built)
    assert batch.validate_crc()
    assert [record.key.decode() for record in batch] == [message.key for message in sent]


def test_numbers():
    assert [varint(n) for n in (0, 63, 64, 8_191, 8_192)] == [b"\0", b"~", b"\x80\x01", b"\xfe\x7f", b"\x80\x80\x01"]
