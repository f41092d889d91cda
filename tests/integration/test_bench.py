"""What the bench measures is the whole job, every time."""

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.contracts.bundle import topic_names
from tests.bench import ours
from tests.bench.workload import TOPICS, Workload, prefill

#: More than one commit of each shard: what comes before the first is not timed.
LOAD = Workload(events=100_000, customers=2_000)


async def test_every_run_of_the_worker_delivers_all_that_it_decides(kafka, redis_server, tmp_path):
    await prefill(kafka.bootstrap, TOPICS, LOAD)
    # How often scores are sent depends on the sizes of commits, and these on how busy the machine is.
    topics = [topic for topic in topic_names(TOPICS) if topic != TOPICS.customer_scores]
    partitions = [TopicPartition(topic, shard) for topic in topics for shard in range(LOAD.partitions)]
    reader = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, isolation_level="read_committed")
    await reader.start()
    try:
        reader.assign(partitions)
        told = []
        for name in ("bench-one", "bench-two"):
            ends = await reader.end_offsets(partitions)
            await ours.run(kafka.bootstrap, redis_server.url, name, LOAD, tmp_path / f"{name}.log")
            told.append(await read_from(reader, ends))
    finally:
        await reader.stop()
    assert told[0]
    assert told[0] == told[1]


async def read_from(reader, starts):
    """Ids of the messages from these offsets on."""
    ends = await reader.end_offsets(list(starts))
    for partition, start in starts.items():
        reader.seek(partition, start)
    found = set()
    while any([await reader.position(partition) < ends[partition] for partition in starts]):
        for records in (await reader.getmany(timeout_ms=100)).values():
            found |= {value for record in records for name, value in record.headers if name == "ce_id"}
    return found
