"""The names of all Redis keys, in one place.

Every key of a shard holds the hash tag ``{shard}``, so all of them live in one slot of a Redis Cluster and a
script may touch them together.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka.partitioner import murmur2


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of one shard.

    Parameters
    ----------
    prefix
        Put before every key. It must hold no brace, because the first braces of a key are its hash tag.
    shard
        Partition number, 0 or more.

    Raises
    ------
    ValueError
        The prefix is empty or holds a brace, or the shard is negative.

    Examples
    --------
    >>> keys = Keys("scorer", 3)
    >>> keys.records, keys.meta, keys.cell("r:h:2017010111")
    ('scorer:{3}:c', 'scorer:{3}:m', 'scorer:{3}:r:h:2017010111')
    """

    prefix: str
    shard: int

    def __post_init__(self) -> None:
        if not self.prefix or "{" in self.prefix or "}" in self.prefix:
            raise ValueError(f"a key prefix must be non-empty and without braces: {self.prefix!r}")
        if self.shard < 0:
            raise ValueError(f"a shard is a partition number, 0 or more: {self.shard}")

    @property
    def base(self) -> str:
        """What every key of the shard starts with, hash tag included."""
        return f"{self.prefix}:{{{self.shard}}}"

    @property
    def records(self) -> str:
        """Hash: the record of every customer, by customer id."""
        return f"{self.base}:c"

    @property
    def timers(self) -> str:
        """Sorted set: customer id by the moment of the next change, in ms. Every customer is in it."""
        return f"{self.base}:t"

    @property
    def meta(self) -> str:
        """Hash: owner, generation, positions, commit number, and what the engine adds."""
        return f"{self.base}:m"

    @property
    def outbox(self) -> str:
        """List: messages decided and not yet delivered, oldest first, many to an entry."""
        return f"{self.base}:o"

    @property
    def heads(self) -> str:
        """List: for each entry of the outbox its size and its first bytes."""
        return f"{self.base}:oh"

    @property
    def histograms(self) -> str:
        """Hash: count of customers by bin."""
        return f"{self.base}:h"

    @property
    def counters(self) -> str:
        """Hash: what was read and decided, counted since the shard began."""
        return f"{self.base}:n"

    def cell(self, suffix: str) -> str:
        """Key of one cell of a rolling table (a hash), such as ``r:h:2017010111`` or ``r:d:20170101``."""
        return f"{self.base}:{suffix}"


def shard_of(customer: str, partitions: int) -> int:
    """Shard of a customer: the partition that Kafka's default partitioner gives the id as a key.

    Examples
    --------
    >>> [shard_of(customer, 4) for customer in ("1", "2", "c-17")]
    [3, 0, 3]
    """
    return int(murmur2(customer.encode()) & 0x7FFFFFFF) % partitions


def calibration_current(prefix: str) -> str:
    """Key that holds the number of the calibration in use.

    Examples
    --------
    >>> calibration_current("scorer")
    'scorer:calibration'
    """
    return f"{prefix}:calibration"


def calibration(prefix: str, number: int) -> str:
    """Key that holds one numbered calibration.

    Examples
    --------
    >>> calibration("scorer", 7)
    'scorer:calibration:7'
    """
    return f"{prefix}:calibration:{number}"
