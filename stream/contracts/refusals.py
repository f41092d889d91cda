"""From what the JSON reader said to the field at fault and a reason that a person understands.

A dead letter is read by the one whose event was refused. So it names the field of *their* event, says what
was found and what is accepted, and where no field can be named it says near which byte the trouble is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import DecodeError, ValidationError

from stream.contracts.times import NO_TIME, NO_ZONE

#: Reasons quote what was sent, and what was sent may be a megabyte.
REASON_CHARS_MAX: Final = 400

_PATH: Final = re.compile(r" - at `\$\.?([^`.\[]*)([^`]*)`$")
_MISSING: Final = re.compile(r"Object missing required field `([^`]+)`")
_WRONG: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_LENGTH: Final = re.compile(r"Expected `str` of length ([<>]=) (\d+)")
_MALFORMED: Final = re.compile(r"JSON is malformed: (.+) \(byte (\d+)\)")
_NOT_LISTED: Final = "Invalid enum value "
_TIMES: Final = {
    "Invalid RFC3339 encoded datetime": NO_TIME,
    "Expected `datetime` with a timezone component": NO_ZONE,
}
# A first half without a second behind it: the reader runs into the end of the text and calls it truncated.
_HALF_PAIR: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
_WORDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number with a fraction",
    "bool": "true or false",
    "null": "null",
    "datetime": "a time",
    "object": "an object",
    "array": "a list",
}


class Refused(Exception):
    """A record cannot become an event; says which field is at fault and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = shorten(reason)


def shorten(reason: str) -> str:
    """A reason of at most `REASON_CHARS_MAX` characters."""
    return reason if len(reason) <= REASON_CHARS_MAX else reason[: REASON_CHARS_MAX - 1] + "…"


def explain(error: Exception, value: bytes, allowed: Mapping[str, tuple[str, ...]]) -> Refused:
    """The refusal of a value that the JSON reader raised `error` for.

    Parameters
    ----------
    error
        What msgspec raised, or Python on its behalf.
    value
        The bytes it was reading.
    allowed
        The values of those fields that have a list of them.
    """
    if isinstance(error, ValidationError):
        return _invalid(str(error), allowed)
    if isinstance(error, UnicodeDecodeError):
        return Refused("value", f"is not UTF-8: byte {_first_bad_byte(value)} starts no character")
    if isinstance(error, RecursionError):
        return Refused("value", "is JSON nested too deeply")
    return Refused("value", _malformed(error, value))


def _invalid(message: str, allowed: Mapping[str, tuple[str, ...]]) -> Refused:
    path = _PATH.search(message)
    field, within = (path[1] or "value", path[2].lstrip(".")) if path else ("value", "")
    missing = _MISSING.match(message)
    if missing:
        return (
            Refused(field, f"{within} has no {missing[1]}") if path else Refused(missing[1], "is required and missing")
        )
    reason = _why_invalid(message[: path.start()] if path else message, allowed.get(field, ()))
    return Refused(field, f"{within} {reason}" if within else reason)


def _why_invalid(what: str, allowed: tuple[str, ...]) -> str:
    wrong, length = _WRONG.match(what), _LENGTH.match(what)
    if wrong:
        accepted = " or ".join(_WORDS.get(name, name) for name in wrong[1].split(" | ") if name != "null")
        return f"must be {accepted}, not {_WORDS.get(wrong[2], wrong[2])}"
    if length:
        return "is empty" if length[1] == ">=" else f"has more than {length[2]} characters"
    if what.startswith(_NOT_LISTED) and allowed:
        what = f"{what[len(_NOT_LISTED) :]} is none of {', '.join(allowed)}"
    return _TIMES.get(what, what)


def _malformed(error: Exception, value: bytes) -> str:
    malformed = _MALFORMED.match(str(error))
    if malformed:
        # "Near": the reader has at times gone one byte past the one it stumbled over.
        return f"is not JSON: {malformed[1]} near byte {malformed[2]}"
    if _HALF_PAIR.search(value):
        return "is not JSON: half of a surrogate pair is no character"
    if isinstance(error, DecodeError):
        return f"is JSON that ends too early, at byte {len(value)}" if value else "is empty"
    return f"cannot be read: {error}"


def _first_bad_byte(value: bytes) -> int:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(value)
