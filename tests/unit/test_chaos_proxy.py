"""The proxy of the chaos suite does to connections what it says, and sees what passes."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from types import SimpleNamespace

import hiredis
import pytest

from stream.embedded.ports import LOOPBACK, free_ports
from stream.store.commit import Commit, pack
from stream.store.keys import Keys
from stream.store.scripts import COMMIT, TRIM
from tests.chaos.faults.moments import whose
from tests.chaos.link import Pace
from tests.chaos.proxy import Proxy
from tests.chaos.resp import Called, Conversations, called

DEADLINE_SECONDS = 60.0


class Echo:
    """Answers every request with itself."""

    def __init__(self):
        self.heard = b""
        (self.port,) = free_ports(1)

    async def start(self):
        self.server = await asyncio.start_server(self.serve, LOOPBACK, self.port)

    async def serve(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                self.heard += data
                writer.write(data)
        except ConnectionResetError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def echo():
    echo = Echo()
    await echo.start()
    yield echo
    echo.server.close()


@pytest.fixture
async def proxy(echo):
    proxy = Proxy(echo.port)
    await proxy.heal()
    yield proxy
    proxy.close()


@asynccontextmanager
async def connection(proxy):
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def asked(streams, data):
    reader, writer = streams
    writer.write(data)
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await reader.readexactly(len(data))


async def until(condition):
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


async def test_everything_passes_and_the_end_too(proxy):
    data = os.urandom(3 << 20)
    async with connection(proxy) as streams:
        assert await asked(streams, data) == data
        streams[1].write_eof()
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await streams[0].read() == b""
    await until(lambda: not proxy.links)


@pytest.mark.parametrize("pace", [Pace(delay_seconds=0.05, jitter_seconds=0.05), Pace(bytes_per_second=200_000.0)])
async def test_a_slow_network_is_late_and_in_order(proxy, pace):
    data = os.urandom(10_000)
    async with connection(proxy) as streams:
        await asked(streams, b"warm")
        proxy.slow(pace)
        began = asyncio.get_running_loop().time()
        assert await asked(streams, data) == data
        assert asyncio.get_running_loop().time() - began >= 0.1
        streams[1].write(data)
        await proxy.heal()
        # What comes after does not overtake what is held back.
        assert await asked(streams, data) == data
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await streams[0].readexactly(len(data)) == data


async def test_what_is_in_a_hole_stays_there_and_nobody_is_told(proxy, echo):
    async with connection(proxy) as before:
        await asked(before, b"heard")
        proxy.hole()
        async with connection(proxy) as during:
            for number, (_, writer) in enumerate((before, during), 1):
                writer.write(b"lost")
                await until(lambda number=number: proxy.swallowed == 4 * number)
            await proxy.heal()
            async with connection(proxy) as after:
                assert await asked(after, b"again") == b"again"
            before[1].write(b"still")
            await until(lambda: proxy.swallowed == 4 + 4 + 5)
            assert not before[0].at_eof()
            assert not during[0].at_eof()
    assert echo.heard == b"heardagain"


async def test_only_the_answers_are_lost(proxy, echo):
    async with connection(proxy) as streams:
        await asked(streams, b"a")
        proxy.deafen()
        streams[1].write(b"bc")
        await until(lambda: proxy.swallowed == 2)
        assert echo.heard == b"abc"
        await proxy.heal()
        streams[1].write(b"d")
        await until(lambda: proxy.swallowed == 3)
        assert echo.heard == b"abc"
        assert not streams[0].at_eof()


async def test_a_reset_is_no_end(proxy):
    async with connection(proxy) as streams:
        await asked(streams, b"a")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await asked(streams, b"b")
    assert proxy.resets == 1
    async with connection(proxy) as streams:
        assert await asked(streams, b"c") == b"c"


async def test_an_answer_is_cut_in_the_midst(proxy, echo):
    async with connection(proxy) as streams:
        await asked(streams, b"a")
        proxy.cut(3)
        streams[1].write(b"bcdefg")
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await streams[0].readexactly(3) == b"bcd"
            with pytest.raises(ConnectionResetError):
                await streams[0].read()
    assert echo.heard == b"abcdefg"


async def test_who_is_refused_may_come_back(proxy):
    async with connection(proxy) as streams:
        await asked(streams, b"a")
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(LOOPBACK, proxy.port)
        assert await asked(streams, b"b") == b"b"
    await proxy.heal()
    async with connection(proxy) as streams:
        assert await asked(streams, b"c") == b"c"


async def test_it_refuses_while_the_server_does(proxy, echo):
    echo.server.close()
    async with connection(proxy) as streams:
        with pytest.raises(ConnectionResetError):
            await asked(streams, b"a")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, proxy.port)
    await echo.start()

    async def served():
        try:
            async with connection(proxy) as streams:
                return await asked(streams, b"b") == b"b"
        except OSError:
            return False

    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if await served():
                return
            await asyncio.sleep(0.005)


def commit_with(entries):
    keys, args = pack(Commit(outbox=entries), Keys("scorer", 3), "me", 2, 1)
    return hiredis.pack_command(("EVALSHA", COMMIT.sha, len(keys), *keys, *args))


def test_a_commit_is_known_and_how_much_it_has_to_say():
    assert called(commit_with([])) == Called("commit", 3, 3)
    assert called(commit_with([b"one", b"two"])).entries == 2
    trim = hiredis.pack_command(("EVALSHA", TRIM.sha, 3, "s:{1}:m", "s:{1}:o", "s:{1}:oh", "me", 1, "head"))
    assert called(trim) == Called("trim", 1, 3)
    assert called(hiredis.pack_command(("EVALSHA", "0" * 40, 1, "s:{1}:m"))) is None
    assert called(hiredis.pack_command(("HGETALL", "s:{1}:m"))) is None


async def test_a_watcher_sees_the_call_and_its_answer_once_each(proxy):
    seen = []
    proxy.tap = talk = Conversations()
    talk.watcher = lambda _, call, answer: seen.append((call.name, answer))
    async with connection(proxy) as streams:
        # The echo answers with the call: what it says does not matter here.
        whole = commit_with([b"x" * 500_000])
        await asked(streams, whole)
        await asked(streams, hiredis.pack_command(("PING",)))
        await asked(streams, commit_with([]))
    assert [(name, answer is None) for name, answer in seen] == [("commit", True), ("commit", False)] * 2


async def test_what_dies_at_a_call_is_not_passed_on(proxy, echo):
    proxy.tap = talk = Conversations()
    async with connection(proxy) as streams:
        await asked(streams, b"a")

        def dies(link, _call, _answer):
            link.dead = True

        talk.watcher = dies
        streams[1].write(commit_with([]))
        await until(lambda: proxy.swallowed)
    assert echo.heard == b"a"


async def test_a_connection_belongs_to_a_worker(proxy):
    me, nobody = (SimpleNamespace(process=SimpleNamespace(pid=pid)) for pid in (os.getpid(), 0))
    async with connection(proxy) as streams:
        await asked(streams, b"a")
        (link,) = proxy.links
        assert whose(link.client_port, [nobody, me]) is me
        assert whose(link.client_port, [nobody]) is None
