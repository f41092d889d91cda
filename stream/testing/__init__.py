"""A model of the protocol of claims, commits and delivery, to be run through every accident by hand or by machine.

What a worker asks of Redis and Kafka goes through gates (`stream.testing.gates`): at each a test may let it go on, hold
it, lose its answer, or let it die. Redis (`stream.testing.redis`) and Kafka (`stream.testing.kafka`) are in memory;
the store, the bundles, the relay's handling of its outbox and its memory of what is delivered are the real ones.
`World` puts them together and sees that what must hold does.
"""

from __future__ import annotations

from stream.testing.world import LOADED, TAIL, Violated, World

__all__ = ["LOADED", "TAIL", "Violated", "World"]
