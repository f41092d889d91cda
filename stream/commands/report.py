"""One page with pictures of all customers, from Redis into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stream.commands.failures import CommandFailed
from stream.commands.parts import model_of, redis_of, wall_clock
from stream.contracts.money import exponent_of
from stream.report.collect import collect
from stream.settings import Settings

_EXTRA: Final = frozenset({"jinja2", "markupsafe", "matplotlib", "squarify"})
"""What the extra installs."""


async def report(settings: Settings) -> tuple[str, int]:
    """The page, and the number of customers that it is about.

    Raises
    ------
    CommandFailed
        The extra ``report`` is not installed.
    StoreUnavailable
        Redis cannot be reached.
    """
    try:
        from stream.report.page import page  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise CommandFailed(f"{error}. Install the extra: pip install 'streaming-customer-scorer[report]'") from error
    exponent = exponent_of(settings.base_currency)
    async with redis_of(settings) as redis:
        model = await model_of(settings, redis)
        now = wall_clock() if settings.clock == "wall" else None
        figures = await collect(redis, settings.key_prefix, settings.partitions, model, exponent, now)
    document = page(
        figures,
        currency=settings.base_currency,
        exponent=exponent,
        calibration=model.number,
        months=model.policy.clv.horizon_months,
    )
    return document, figures.customers


def write(document: str, out: Path) -> None:
    """Write the page into a file.

    Raises
    ------
    CommandFailed
        It cannot be written.
    """
    try:
        out.write_text(document, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{out} cannot be written: {error}.") from error
