"""Calibrations in Redis: one document a number, and one key that says which number is in force.

The two kinds of key live in different slots of a Redis Cluster, so no script may touch both. A publisher therefore
works in two steps that each touch one key. It takes the next number by writing the document where there is none yet,
then raises the number in force to it. Of two publishers one takes the number; the other is told so. Should the first
one die between its steps, the other makes the second step for it. Documents are never overwritten: they are the
history.
"""

from __future__ import annotations

from typing import Final

from msgspec import structs

from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration, CalibrationError
from stream.store import keys
from stream.store.calls import Client, call

_RAISE_TO: Final = """
local now = tonumber(redis.call('GET', KEYS[1]) or '1')
if now < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return redis.status_reply('OK')
"""


class CalibrationUnreadable(RuntimeError):
    """Redis names a calibration that is missing, or that this version cannot read."""


class CalibrationTaken(RuntimeError):
    """Somebody else has published the number that was to be published."""


async def current_number(redis: Client, prefix: str) -> int:
    """Number of the calibration in force; 1, the shipped one, where none was published.

    Raises
    ------
    CalibrationUnreadable
        The key holds no number.
    StoreUnavailable
        Redis cannot be reached.
    """
    key = keys.calibration_current(prefix)
    found: bytes | None = await call(redis, "GET", key)
    if found is None:
        return DEFAULT_CALIBRATION.number
    if not found.isdigit() or int(found) < 1:
        raise CalibrationUnreadable(f"Redis key {key} holds {found[:40]!r}, which is no number of a calibration")
    return int(found)


async def read(redis: Client, prefix: str, number: int) -> Calibration:
    """The calibration with this number.

    Raises
    ------
    CalibrationUnreadable
        There is none, or its document is not readable; the message names the key and the first field at fault.
    StoreUnavailable
        Redis cannot be reached.
    """
    key = keys.calibration(prefix, number)
    document: bytes | None = await call(redis, "GET", key)
    if document is None:
        if number == DEFAULT_CALIBRATION.number:
            return DEFAULT_CALIBRATION
        raise CalibrationUnreadable(f"calibration {number} is in force, and Redis key {key} does not exist")
    try:
        calibration = Calibration.from_json(document)
    except CalibrationError as error:
        raise CalibrationUnreadable(f"Redis key {key}: {error}") from error
    if calibration.number != number:
        raise CalibrationUnreadable(f"Redis key {key} holds the calibration with number {calibration.number}")
    return calibration


async def read_current(redis: Client, prefix: str) -> Calibration:
    """The calibration in force; errors as in `current_number` and `read`."""
    return await read(redis, prefix, await current_number(redis, prefix))


async def publish(redis: Client, prefix: str, calibration: Calibration) -> None:
    """Put a calibration in force under its number, which must be the next one.

    Workers adopt it at their next look.

    Raises
    ------
    CalibrationTaken
        Another calibration has this number, or a higher one is in force.
    StoreUnavailable
        Redis cannot be reached. Publishing the same calibration again is safe.
    """
    number, document = calibration.number, calibration.to_json()
    in_force = await current_number(redis, prefix)
    if number > in_force + 1:
        raise CalibrationTaken(f"calibration {in_force} is in force, so the next one is {in_force + 1}, not {number}")
    key = keys.calibration(prefix, number)
    if number == in_force + 1:
        await call(redis, "SET", key, document, "NX")
    # The same bytes mean that it is ours, by this try or an earlier one.
    ours = await call(redis, "GET", key) == document
    await call(redis, "EVAL", _RAISE_TO, 1, keys.calibration_current(prefix), str(number))
    if not ours:
        raise CalibrationTaken(f"another calibration {number} was published meanwhile. Look at it, then make it again")


async def adopt_again(redis: Client, prefix: str, number: int, now: int) -> Calibration:
    """Put what an older calibration says in force once more, under the next number, and give that one.

    Numbers only rise: the id of a decision is made of the calibration that caused it, and going back to an old number
    would give old ids to new decisions.

    Parameters
    ----------
    number
        Of the older calibration.
    now
        Moment of the new one, ms.

    Raises
    ------
    CalibrationUnreadable, CalibrationTaken, StoreUnavailable
        As of `read` and `publish`.
    """
    older = await read(redis, prefix, number)
    following = await current_number(redis, prefix) + 1
    source = f"calibration {number} once more: {older.source}" if older.source else f"calibration {number} once more"
    again = structs.replace(older, number=following, created_at=now, source=source)
    await publish(redis, prefix, again)
    return again
