"""Reads customers for other Python programs: synchronous, read-only, in need of nothing but Redis.

>>> from stream.store.reader import Reader
>>> with Reader("redis://127.0.0.1:6379/0", partitions=4) as reader:  # doctest: +SKIP
...     reader.customer("c-17")["tier"]
'high'
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from redis import Redis, RedisCluster

from stream.contracts.money import exponent_of
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.policy import Policy, default_policy
from stream.state.model import Model, compile_model
from stream.state.view import describe_bytes
from stream.store.connection import CLUSTER_SCHEMES
from stream.store.errors import StoreError, unavailable
from stream.store.keys import Keys, calibration, calibration_current, shard_of


class Reader:
    """What is known of a customer, as ``scorer customer ID --json`` gives it.

    Parameters
    ----------
    url
        Redis, as `stream.store.connection.connect` takes it.
    prefix
        Put before every key (``STREAM_KEY_PREFIX``).
    partitions
        Number of shards (``STREAM_PARTITIONS``). With another number customers are not found.
    policy
        The rules; the shipped ones when left out. The calibration in use is read from Redis.
    base_currency
        ISO 4217 code; it says how many decimals an amount has.
    timeout_seconds
        Longest wait for one reply.
    """

    def __init__(
        self,
        url: str,
        prefix: str = "scorer",
        *,
        partitions: int,
        policy: Policy | None = None,
        base_currency: str = "EUR",
        timeout_seconds: float = 5.0,
    ) -> None:
        scheme, separator, rest = url.partition("://")
        self._redis: Redis | RedisCluster
        if scheme in CLUSTER_SCHEMES:
            self._redis = RedisCluster.from_url(
                f"{CLUSTER_SCHEMES[scheme]}{separator}{rest}", socket_timeout=timeout_seconds
            )
        else:
            self._redis = Redis.from_url(url, socket_timeout=timeout_seconds)
        self._prefix = prefix
        self._partitions = partitions
        self._policy = policy or default_policy()
        self._exponent = exponent_of(base_currency)
        self._model: Model | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def customer(self, customer_id: str, as_of: int | None = None) -> dict[str, Any] | None:
        """The record of one customer.

        Parameters
        ----------
        customer_id
            The id.
        as_of
            Moment to describe it at, ms; never before the record's own, which is taken when this is left out.

        Returns
        -------
        dict or None
            Fields as in the topic ``customer-scores``; what is not known is absent. None for an unknown customer.

        Raises
        ------
        StoreUnavailable
            Redis cannot be reached.
        StoreError
            The calibration in use is missing.
        stream.state.codec.RecordError
            The record was written by another version.
        """
        keys = Keys(self._prefix, shard_of(customer_id, self._partitions))
        blob = _answer(self._redis.hget, keys.records, customer_id)
        if blob is None:
            return None
        return describe_bytes(blob, customer_id, as_of, self._current_model(), self._exponent)

    def _current_model(self) -> Model:
        found = _answer(self._redis.get, calibration_current(self._prefix))
        number = DEFAULT_CALIBRATION.number if found is None else int(found)
        if self._model is None or self._model.number != number:
            self._model = compile_model(self._policy, self._calibration(number))
        return self._model

    def _calibration(self, number: int) -> Calibration:
        key = calibration(self._prefix, number)
        document = _answer(self._redis.get, key)
        if document is not None:
            return Calibration.from_json(document)
        if number != DEFAULT_CALIBRATION.number:
            raise StoreError(f"calibration {number} is in use, and Redis key {key} does not exist")
        return DEFAULT_CALIBRATION


def _answer(ask: Callable[..., Any], *names: str) -> bytes | None:
    try:
        found: bytes | None = ask(*names)
    except Exception as error:
        passing = unavailable(error)
        if passing is None:
            raise
        raise passing from error
    return found
