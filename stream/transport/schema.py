"""A Faust schema that decodes nothing: the value of an event is the batch itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import faust
from faust.types import AppT, EventT, Message

from stream.transport.batch import Batch


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
