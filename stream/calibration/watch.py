"""The calibration that a worker scores with, kept up to date without a restart."""

from __future__ import annotations

import logging

from stream.calibration.store import CalibrationUnreadable, current_number, read
from stream.scoring.calibration import Calibration
from stream.scoring.policy import Policy
from stream.state.model import Model, compile_model
from stream.store.calls import Client
from stream.store.errors import StoreUnavailable

logger = logging.getLogger(__name__)


class CalibrationWatch:
    """Looks which calibration is in force, and compiles it.

    Parameters
    ----------
    redis
        A client from `stream.store.connection.connect`.
    prefix
        Put before every Redis key.
    policy
        What the business decides; stays the same while the worker runs.

    Examples
    --------
    ::

        watch = CalibrationWatch(redis, settings.key_prefix, policy)
        await watch.refresh()  # the first look; raises where there is nothing to score with
        ...
        if await watch.refresh():  # once a second
            state.adopt(watch.model)
    """

    def __init__(self, redis: Client, prefix: str, policy: Policy) -> None:
        self._redis = redis
        self._prefix = prefix
        self._policy = policy
        self._model: Model | None = None
        self._complaint = ""

    @property
    def model(self) -> Model:
        """Policy and calibration, compiled.

        Raises
        ------
        RuntimeError
            Before the first `refresh`: scoring with the shipped calibration while another is in force would have
            everybody rescored twice.
        """
        if self._model is None:
            raise RuntimeError("no calibration was read yet: await refresh() first")
        return self._model

    async def refresh(self) -> bool:
        """Look for a newer calibration.

        Once one was adopted this does not raise: whatever is wrong with a newer one, or with Redis, the old one
        stays and the trouble is logged once.

        Returns
        -------
        bool
            Whether `model` is another one now.

        Raises
        ------
        CalibrationUnreadable
            At the first look only: the calibration in force cannot be read, or does not fit the policy.
        StoreUnavailable
            At the first look only: Redis cannot be reached.
        """
        try:
            number = await current_number(self._redis, self._prefix)
            if self._model is not None and self._model.number == number:
                self._complaint = ""
                return False
            self._model = self._compiled(await read(self._redis, self._prefix, number))
        except (CalibrationUnreadable, StoreUnavailable) as error:
            if self._model is None:
                raise
            self._complain(str(error))
            return False
        self._complaint = ""
        logger.info("calibration %s is in use", self._model.name)
        return True

    def _compiled(self, calibration: Calibration) -> Model:
        try:
            return compile_model(self._policy, calibration)
        except ValueError as error:
            raise CalibrationUnreadable(f"calibration {calibration.number}: {error}") from error

    def _complain(self, what: str) -> None:
        # The look is repeated every second; the same words every second would hide all others.
        if what != self._complaint and self._model is not None:
            logger.error("calibration %s stays in use: %s", self._model.name, what)
        self._complaint = what
