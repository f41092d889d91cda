"""One rolling table, read straight from Redis."""

from __future__ import annotations

from typing import Any

from stream.calibration.rules import policy_of
from stream.commands.failures import CommandFailed
from stream.commands.parts import redis_of, wall_clock
from stream.contracts.money import exponent_of
from stream.settings import Settings
from stream.tables.answers import answer
from stream.tables.questions import NotAsked, ask


async def rolling_table(settings: Settings, name: str, window: str, by: str | None) -> dict[str, Any]:
    """A table as `stream.tables.answers.answer` gives it.

    Raises
    ------
    CommandFailed
        There is no such table, window or split.
    StoreUnavailable
        Redis cannot be reached.
    """
    try:
        question = ask(name, window, by)
    except NotAsked as wrong:
        raise CommandFailed(str(wrong)) from wrong
    async with redis_of(settings) as redis:
        return await answer(
            redis,
            settings.key_prefix,
            settings.partitions,
            question,
            now=wall_clock() if settings.clock == "wall" else None,
            exponent=exponent_of(settings.base_currency),
            themes=policy_of(settings).themes,
        )
