"""What the modelled scorer decides: as little as will show every mistake.

Each event of a customer is said (a tier change, numbered). Each odd one also owes a warning, which is said before the
customer's next event is applied, or when the shard is swept, whichever comes first: so does a timer. And of every
customer that a commit touches the scores are said, as they are at the end of it. So what is said does not depend on
where batches end, but for the scores, of which a compacted topic keeps the last.

>>> record = Record()
>>> [message.type for message in record.apply("c-1", Event("c-1", "e-1", 5))]
['customer.tier.changed']
>>> record.due, [message.type for message in record.apply("c-1", Event("c-1", "e-2", 7))]
(6.0, ['customer.churn.warning', 'customer.tier.changed'])
>>> record.due, record.scores("c-1").time
(inf, 7)
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from stream.contracts.decisions import CHURN_WARNING, SCORES, TIER_CHANGED, Message, decision_id
from stream.contracts.topics import Topics
from stream.testing.kafka import VALUE_BYTES_MAX, Event

TOPICS: Final = Topics()


class Said(msgspec.Struct, frozen=True):
    """Value of a message: its number among those of its customer and topic; 0 in a dead letter, which has none."""

    version: int = 0
    padding: str = ""


class Record(msgspec.Struct):
    """Record of a customer: what was applied, how much of it was warned of, and when it was last."""

    events: list[str] = []
    warned: int = 0
    as_of: int = 0
    cause: str = ""

    @property
    def owed(self) -> int:
        """Warnings that the events so far are reason for."""
        return (len(self.events) + 1) // 2

    @property
    def due(self) -> float:
        """Moment of the timer; ``inf`` where no warning is owed."""
        return self.as_of + 1.0 if self.warned < self.owed else math.inf

    def apply(self, customer: str, event: Event) -> list[Message]:
        """Apply an event, after the timer that is due before it."""
        messages = self.fire(customer)
        self.events.append(event.id)
        self.as_of, self.cause = max(self.as_of, event.time), event.id
        padding = "x" * VALUE_BYTES_MAX if event.large else ""
        return [*messages, _message(customer, TOPICS.tier_changes, TIER_CHANGED, self, len(self.events), padding)]

    def fire(self, customer: str) -> list[Message]:
        """Say the warning that is owed."""
        if self.warned == self.owed:
            return []
        self.warned, self.as_of = self.warned + 1, self.as_of + 1
        self.cause = f"timer {self.warned}"
        return [_message(customer, TOPICS.churn_warnings, CHURN_WARNING, self, self.warned)]

    def scores(self, customer: str) -> Message:
        """The state of things."""
        return _message(customer, TOPICS.customer_scores, SCORES, self, len(self.events) + self.warned)


def _message(customer: str, topic: str, kind: str, record: Record, version: int, padding: str = "") -> Message:
    message_id = decision_id(customer, kind, "event", record.cause)
    return Message(message_id, topic, customer, kind, record.as_of, msgspec.json.encode(Said(version, padding)))
