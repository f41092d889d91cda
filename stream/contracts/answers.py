"""What single types of interaction need beyond what all have: a ticket, the score of an answer, its dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec import ValidationError, convert

from stream.contracts.events import NO_SCORE
from stream.contracts.ids import NAME_BYTES_MAX, why_bad
from stream.contracts.refusals import Refused
from stream.contracts.wire import Interaction

#: Dimensions that one answer of a `feedback.csi` may have.
DIMENSIONS_MAX: Final = 16

_NPS_MAX: Final = 10
_CSAT_MIN: Final = 1
_CSAT_MAX: Final = 5
_INDEX_MAX: Final = 100
_DIMENSION_MIN: Final = 1
_DIMENSION_MAX: Final = 10

Values = tuple[tuple[str, float], ...]


class Answer(NamedTuple):
    """The score of an answer, or `NO_SCORE`; and the scores of its dimensions, sorted by name."""

    score: int = NO_SCORE
    values: Values = ()


NO_ANSWER: Final = Answer()


def answer_of(read: Interaction) -> Answer:
    """What an interaction answers; `NO_ANSWER` for types that are no feedback.

    Raises
    ------
    Refused
        Something that the type needs is missing, or outside its scale.

    Examples
    --------
    >>> answer_of(Interaction("e", "feedback.nps", "c", 0, score=9.0))
    Answer(score=9, values=())
    >>> answer_of(Interaction("e", "feedback.csi", "c", 0, dimensions={"price": 7, "ease": 8.5}))
    Answer(score=-1, values=(('ease', 8.5), ('price', 7.0)))
    """
    need = _NEEDS.get(read.type)
    return NO_ANSWER if need is None else need(read)


def _ticket(read: Interaction) -> Answer:
    """Complaints are told apart by their tickets."""
    if not read.ticket_id:
        raise Refused("ticket_id", f"is required for {read.type}")
    return NO_ANSWER


def _nps(read: Interaction) -> Answer:
    """How likely one is to recommend."""
    return Answer(_whole(read, 0, _NPS_MAX))


def _csat(read: Interaction) -> Answer:
    """How satisfied one is, on the usual scale of five."""
    return Answer(_whole(read, _CSAT_MIN, _CSAT_MAX))


def _csi(read: Interaction) -> Answer:
    """A satisfaction index: the dimensions it is made of, or else the index itself."""
    if read.dimensions:
        return Answer(NO_SCORE, _dimensions(read.dimensions))
    score = read.score
    if score is None:
        raise Refused("score", f"or dimensions are required for {read.type}")
    if not 0 <= score <= _INDEX_MAX:
        raise Refused("score", f"must be from 0 to {_INDEX_MAX}, not {score}")
    return Answer(round(score))


def _whole(read: Interaction, least: int, most: int) -> int:
    """A score that is a whole number; JSON has one kind of number, so 9.0 is 9."""
    score = read.score
    if score is None:
        raise Refused("score", f"is required for {read.type}")
    if score != int(score) or not least <= score <= most:
        raise Refused("score", f"must be a whole number from {least} to {most}, not {score}")
    return int(score)


def _dimensions(given: object) -> Values:
    try:
        found = convert(given, dict[str, int | float])
    except ValidationError:
        raise Refused("dimensions", "must be an object of numbers") from None
    if len(found) > DIMENSIONS_MAX:
        raise Refused("dimensions", f"are {len(found)}; at most {DIMENSIONS_MAX} are accepted")
    for name, value in found.items():
        reason = why_bad(name, NAME_BYTES_MAX)
        if reason is not None:
            raise Refused("dimensions", f"a name {reason}")
        if not _DIMENSION_MIN <= value <= _DIMENSION_MAX:
            raise Refused("dimensions", f"must be from {_DIMENSION_MIN} to {_DIMENSION_MAX}, not {value} ({name})")
    return tuple(sorted((name, float(value)) for name, value in found.items()))


_NEEDS: Final[dict[str, Callable[[Interaction], Answer]]] = {
    "complaint.opened": _ticket,
    "complaint.resolved": _ticket,
    "feedback.nps": _nps,
    "feedback.csat": _csat,
    "feedback.csi": _csi,
}
