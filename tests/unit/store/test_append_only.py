"""Whether a server's append-only file has been rewritten since its start, and what is done about it."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from stream.store import append_only
from stream.store.append_only import make_whole
from stream.store.errors import StoreUnavailable

STARTED = {
    "aof_enabled": 1,
    "aof_rewrite_in_progress": 0,
    "aof_rewrite_scheduled": 0,
    "aof_last_rewrite_time_sec": -1,
    "aof_last_bgrewrite_status": "ok",
}
UNDER_WAY = STARTED | {"aof_rewrite_in_progress": 1}
DONE = STARTED | {"aof_last_rewrite_time_sec": 0}
FAILED = DONE | {"aof_last_bgrewrite_status": "err"}


class Server:
    """Says what it was told to say, the last of it again and again."""

    def __init__(self, *said, refuses=None):
        self.said = list(said)
        self.refuses = refuses
        self.rewrites = 0

    async def execute_command(self, *command):
        if command == ("INFO", "persistence"):
            return self.said.pop(0) if len(self.said) > 1 else self.said[0]
        assert command == ("BGREWRITEAOF",)
        self.rewrites += 1
        if self.refuses:
            raise ResponseError(self.refuses)
        return b"Background append only file rewriting started"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(append_only, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(append_only, "WAIT_SECONDS_MAX", 0.02)


@pytest.mark.parametrize("said", [DONE, STARTED | {"aof_enabled": 0}], ids=["rewritten", "no file"])
async def test_nothing_is_done_where_there_is_nothing_to_do(said):
    server = Server(said)
    await make_whole(server, "key")
    assert server.rewrites == 0


async def test_a_server_that_was_started_rewrites_once_and_is_waited_for():
    server = Server(STARTED, UNDER_WAY, UNDER_WAY, DONE)
    await make_whole(server, "key")
    assert server.rewrites == 1
    assert server.said == [DONE]


async def test_whoever_asked_before_is_waited_for():
    server = Server(STARTED, UNDER_WAY, DONE, refuses="Background append only file rewriting already in progress")
    await make_whole(server, "key")
    assert server.said == [DONE]


@pytest.mark.parametrize("said", [(UNDER_WAY,), (STARTED, FAILED)], ids=["it takes long", "it fails"])
async def test_until_it_is_rewritten_the_caller_has_to_come_again(said):
    with pytest.raises(StoreUnavailable, match="BGREWRITEAOF"):
        await make_whole(Server(*said), "key")


async def test_a_server_that_knows_no_such_command_is_an_error():
    with pytest.raises(ResponseError, match="unknown command"):
        await make_whole(Server(STARTED, refuses="unknown command 'BGREWRITEAOF'"), "key")
