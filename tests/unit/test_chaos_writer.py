"""The writer of the chaos suite can be held up for as long as a fault needs a log at rest."""

from __future__ import annotations

import asyncio

from tests.chaos import load
from tests.chaos.load import Load, Writer
from tests.kit.place import Place


class Producer:
    sent: list[bytes]

    def __init__(self, **_settings):
        Producer.sent = []

    async def start(self):
        pass

    async def stop(self):
        pass

    async def send(self, _topic, value, _key, partition):
        Producer.sent.append((value, partition))
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


async def test_while_it_is_paused_nothing_is_written_and_what_was_is_counted(monkeypatch):
    monkeypatch.setattr(load, "AIOKafkaProducer", Producer)
    some = Load.of(1, 500)
    writer = Writer(some, Place("", ""), 10.0)
    writer.hurry()
    writing = asyncio.create_task(writer.run())
    await asyncio.sleep(0)
    async with writer.paused() as written:
        assert 0 < written == len(Producer.sent) < len(some)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(Producer.sent) == written
    await writing
    assert len(Producer.sent) == len(some)
    async with writer.paused() as written:
        assert written == len(some)
