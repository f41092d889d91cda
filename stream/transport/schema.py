"""A batch as a message of Faust, and the schema that decodes nothing: the value of an event is the batch itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import faust
from faust.types import AppT, EventT, Message

from stream.transport.batch import Batch


def as_message(batch: Batch) -> Message:
    """Make the message that carries a batch; its offset and time are those of the last record.

    Parameters
    ----------
    batch
        A batch.

    Returns
    -------
    Message
        Of the batch's generation, so that Faust itself drops it after a rebalance. It is a plain one, not tracked
        until it is acknowledged.
    """
    last = batch.records[-1]
    return Message(
        batch.topic,
        batch.partition,
        last.offset,
        timestamp=last.timestamp / 1000.0,
        timestamp_type=last.timestamp_type,
        headers=None,
        key=None,
        value=cast("Any", batch),
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        tp=batch.tp,
        generation_id=batch.generation,
    )


class BatchSchema(faust.Schema[bytes, bytes]):
    """Pass batches through to the agent.

    Examples
    --------
    >>> BatchSchema().allow_empty
    True
    """

    def __init__(self) -> None:
        super().__init__(key_type=bytes, value_type=bytes, allow_empty=True)

    def compile(self, app: AppT, **_: object) -> Callable[..., Awaitable[EventT[Batch]]]:
        """Give the function that makes an event of a message.

        Parameters
        ----------
        app
            The application whose events are made.

        Returns
        -------
        Callable
            A coroutine function of the message.
        """
        create_event = app.create_event

        async def decode(message: Message, *, propagate: bool = False) -> EventT[Batch]:  # noqa: ARG001 - Faust gives it
            return create_event(None, message.value, None, message)

        return decode
