"""The names of the topics, and how each is to be created.

All of them carry one prefix, so that several scorers can share a cluster. Every topic whose key is a
customer id has as many partitions as there are shards: the partition number *is* the shard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Input = Literal["profiles", "orders", "interactions", "privacy"]

#: Which input goes first where two events have the same `occurred_at`.
INPUT_RANK: Final[dict[Input, int]] = {"profiles": 0, "orders": 1, "interactions": 2, "privacy": 3}

#: Every topic without its prefix, and whether Kafka keeps only the last record of a key.
_COMPACTED: Final = {
    "orders": False,
    "interactions": False,
    "profiles": False,
    "privacy": False,
    "tier-changes": False,
    "churn-warnings": False,
    "customer-changes": False,
    "follow-ups": False,
    "customer-scores": True,
    "dead-letters": False,
    "calibrations": True,
}

# One writer and one order of numbers; it is read whole by every worker.
_ONE_PARTITION: Final = frozenset({"calibrations"})

_LEGAL: Final = re.compile(r"[A-Za-z0-9._-]*", re.ASCII)
_NAME_CHARS_MAX: Final = 249  # Kafka's own limit


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How one topic is created: full name, number of partitions, and whether it is compacted."""

    name: str
    partitions: int
    compacted: bool


@dataclass(frozen=True, slots=True)
class Topics:
    """Full names of all topics.

    Parameters
    ----------
    prefix
        Goes before every name as it is, separator included: ``"shop."``. May be empty.

    Raises
    ------
    ValueError
        The prefix holds a character that Kafka does not allow in a topic, or is too long.

    Examples
    --------
    >>> Topics("shop.").tier_changes
    'shop.tier-changes'
    >>> Topics().inputs
    {'profiles': 'profiles', 'orders': 'orders', 'interactions': 'interactions', 'privacy': 'privacy'}
    """

    prefix: str = ""

    def __post_init__(self) -> None:
        longest = len(self.prefix) + max(map(len, _COMPACTED))
        if not _LEGAL.fullmatch(self.prefix) or longest > _NAME_CHARS_MAX:
            raise ValueError(
                f"topic prefix {self.prefix!r}: only letters, digits, '.', '_' and '-' are allowed, "
                f"and a whole name has at most {_NAME_CHARS_MAX} characters",
            )

    @property
    def orders(self) -> str:
        """Orders, refunds and cancellations; input."""
        return f"{self.prefix}orders"

    @property
    def interactions(self) -> str:
        """What customers do and say besides ordering; input."""
        return f"{self.prefix}interactions"

    @property
    def profiles(self) -> str:
        """Registrations and their changes; input."""
        return f"{self.prefix}profiles"

    @property
    def privacy(self) -> str:
        """Requests to erase, export or restrict; input."""
        return f"{self.prefix}privacy"

    @property
    def tier_changes(self) -> str:
        """A value tier changed."""
        return f"{self.prefix}tier-changes"

    @property
    def churn_warnings(self) -> str:
        """A churn level rose to where it is said, or fell back."""
        return f"{self.prefix}churn-warnings"

    @property
    def customer_changes(self) -> str:
        """A segment or another classification changed."""
        return f"{self.prefix}customer-changes"

    @property
    def follow_ups(self) -> str:
        """A contact with a customer is due."""
        return f"{self.prefix}follow-ups"

    @property
    def customer_scores(self) -> str:
        """The whole record of a customer, compacted."""
        return f"{self.prefix}customer-scores"

    @property
    def dead_letters(self) -> str:
        """Records that were refused, with the reason."""
        return f"{self.prefix}dead-letters"

    @property
    def calibrations(self) -> str:
        """Versions of cut-points and model parameters, compacted."""
        return f"{self.prefix}calibrations"

    @property
    def inputs(self) -> dict[Input, str]:
        """Full name of each input, in the order in which ties are broken."""
        return {name: self.prefix + name for name in INPUT_RANK}

    def specs(self, partitions: int) -> tuple[TopicSpec, ...]:
        """How every topic is to be created for so many shards.

        >>> [spec.name for spec in Topics().specs(4) if spec.compacted]
        ['customer-scores', 'calibrations']
        """
        return tuple(
            TopicSpec(self.prefix + name, 1 if name in _ONE_PARTITION else partitions, compacted)
            for name, compacted in _COMPACTED.items()
        )
