"""What lies between the workers and their servers: two proxies, in a thread of their own.

The test's own clients take the direct way. Clients of Kafka reconnect to what the broker advertises, so it has a
listener for the workers alone, which advertises the proxy.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from types import TracebackType
from typing import Self, TypeVar, cast

from stream.embedded.kafka_config import NODE_ID
from stream.embedded.ports import LOOPBACK
from tests.chaos.proxy import Proxy, bound
from tests.chaos.resp import Conversations

T = TypeVar("T")


class Network:
    """Both proxies, running from `__enter__` to `__exit__`.

    Attributes
    ----------
    kafka_port, redis_port
        Where the servers are to listen for the test itself.
    kafka, redis
        The proxies. They belong to another thread: see `call`.
    talk
        What workers and Redis say to each other.
    """

    def __init__(self, seed: object = 0) -> None:
        # Kept to the end: a server that is away for a while must find its port free when it comes back.
        self._held = [bound(0) for _ in range(4)]
        ports = [held.getsockname()[1] for held in self._held]
        self.kafka_port, self._kafka_behind, self._controller_port, self.redis_port = ports
        self.talk = Conversations()
        self.kafka = Proxy(self._kafka_behind, seed=seed)
        self.redis = Proxy(self.redis_port, tap=self.talk, seed=seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)

    @property
    def kafka_properties(self) -> dict[str, str]:
        """For the broker: one listener for the test, one for the workers."""
        direct = f"PLAINTEXT://{LOOPBACK}:{self.kafka_port}"
        return {
            "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{self._controller_port}",
            "listeners": f"{direct},WORKERS://{LOOPBACK}:{self._kafka_behind},"
            f"CONTROLLER://{LOOPBACK}:{self._controller_port}",
            "advertised.listeners": f"{direct},WORKERS://{self.kafka.address}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,WORKERS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
        }

    @property
    def settings(self) -> dict[str, object]:
        """For the workers."""
        return {"kafka": self.kafka.address, "redis_url": f"redis://{self.redis.address}/0"}

    def __enter__(self) -> Self:
        self._thread.start()
        for proxy in (self.kafka, self.redis):
            asyncio.run_coroutine_threadsafe(proxy.heal(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for held in self._held:
            held.close()

    async def _close(self) -> None:
        for proxy in (self.kafka, self.redis):
            proxy.close()
        # Connections that are dropped are closed at the next turn.
        await asyncio.sleep(0)

    async def call(self, act: Callable[..., Awaitable[T] | T], *args: object) -> T:
        """Do something in the thread of the proxies, and wait for what it gives.

        Examples
        --------
        ::

            await network.call(network.redis.reset)
        """

        async def acting() -> T:
            done = act(*args)
            return await done if isawaitable(done) else cast("T", done)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(acting(), self._loop))
