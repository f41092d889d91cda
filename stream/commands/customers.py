"""One customer, read straight from Redis."""

from __future__ import annotations

from typing import Any

from stream.commands.explain import explain
from stream.commands.failures import CommandFailed
from stream.commands.parts import model_of, moment_of, redis_of, wall_clock
from stream.contracts.ids import why_bad
from stream.contracts.money import exponent_of
from stream.settings import Settings
from stream.store.calls import Client, call
from stream.store.keys import Keys, shard_of
from stream.web.backend import StoreBackend


async def customer_record(settings: Settings, customer_id: str) -> dict[str, Any]:
    """The public record of a customer.

    Raises
    ------
    CommandFailed
        There is no such customer.
    StoreUnavailable
        Redis cannot be reached.
    """
    _require_id(customer_id)
    async with redis_of(settings) as redis:
        model = await model_of(settings, redis)
        backend = StoreBackend(
            redis,
            settings.key_prefix,
            settings.partitions,
            clock=settings.clock,
            base_currency=settings.base_currency,
            model=lambda: model,
            now=wall_clock,
        )
        record = await backend.record(customer_id)
        if record is None:
            raise await _unknown(settings, redis, customer_id)
        return record


async def explained(settings: Settings, customer_id: str) -> dict[str, Any]:
    """Which numbers lead to a customer's scores; see `explain`.

    Raises
    ------
    CommandFailed
        There is no such customer.
    StoreUnavailable
        Redis cannot be reached.
    """
    _require_id(customer_id)
    async with redis_of(settings) as redis:
        model = await model_of(settings, redis)
        shard = shard_of(customer_id, settings.partitions)
        blob = await call(redis, "HGET", Keys(settings.key_prefix, shard).records, customer_id)
        if blob is None:
            raise await _unknown(settings, redis, customer_id)
        as_of = await moment_of(settings, redis, shard)
        return explain(
            blob,
            customer_id,
            as_of,
            model,
            currency=settings.base_currency,
            exponent=exponent_of(settings.base_currency),
        )


def _require_id(customer_id: str) -> None:
    bad = why_bad(customer_id)
    if not customer_id or bad is not None:
        raise CommandFailed(f"This can be no customer's id: it {bad or 'is empty'}.")


async def _unknown(settings: Settings, redis: Client, customer_id: str) -> CommandFailed:
    """Why a customer may be missing, as far as that can be seen."""
    keys = Keys(settings.key_prefix, shard_of(customer_id, settings.partitions))
    if not await call(redis, "EXISTS", keys.meta):
        return CommandFailed(
            f"Customer {customer_id!r} is not known, and shard {keys.shard} is empty: did a worker run with these "
            f"settings (STREAM_KEY_PREFIX={settings.key_prefix}, STREAM_PARTITIONS={settings.partitions})?"
        )
    return CommandFailed(
        f"Customer {customer_id!r} is not known: none of their events has been applied. Refused ones are shown by: "
        "scorer dead-letters list"
    )
