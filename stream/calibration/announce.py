"""Calibrations on the compacted topic, for programs that do not read Redis.

The topic has one partition and one key a number. All numbers are written each time: there are few, the log keeps the
last of each, and so one that could not be delivered comes with the next.
"""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from stream.calibration.store import current_number, read
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.store.calls import Client


async def announce(redis: Client, prefix: str, bootstrap: str, topic: str) -> int:
    """Write every published calibration to `topic`.

    Returns
    -------
    int
        How many were written.

    Raises
    ------
    aiokafka.errors.KafkaError
        Kafka cannot be reached, or refuses.
    CalibrationUnreadable
        One of them is missing in Redis.
    StoreUnavailable
        Redis cannot be reached.
    """
    first, last = DEFAULT_CALIBRATION.number, await current_number(redis, prefix)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    try:
        await producer.start()
        for number in range(first, last + 1):
            calibration = await read(redis, prefix, number)
            await producer.send_and_wait(
                topic,
                calibration.to_json(),
                key=str(number).encode(),
                partition=0,
                timestamp_ms=calibration.created_at or None,
            )
    finally:
        await producer.stop()
    return last - first + 1
