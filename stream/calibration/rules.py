"""The policy that the settings ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from stream.scoring.policy import Policy, default_policy, parse_policy


class PolicySettings(Protocol):
    """What of the settings concerns the policy."""

    @property
    def policy(self) -> Path | None: ...  # noqa: D102
    @property
    def window_days(self) -> int | None: ...  # noqa: D102


def policy_of(settings: PolicySettings) -> Policy:
    """The policy in force: the file of the settings or the shipped one, with the window of the settings.

    Raises
    ------
    PolicyError
        The file says something that makes no sense; the message names it.
    OSError
        The file cannot be read.
    """
    policy = parse_policy(settings.policy.read_text(encoding="utf-8")) if settings.policy else default_policy()
    return replace(policy, window_days=settings.window_days) if settings.window_days else policy
