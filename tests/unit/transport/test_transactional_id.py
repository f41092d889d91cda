"""Who delivers the outbox of a shard, and who is fenced by it."""

from __future__ import annotations

import pytest

from stream.settings import Settings
from stream.transport.relay_settings import transactional_id_of


def test_deployments_with_the_same_keys_fence_each_other_whatever_their_groups():
    # Under an id of its own each, both would deliver what one of them has decided.
    assert transactional_id_of(Settings(group_id="a"), 0) == transactional_id_of(Settings(group_id="b"), 0)


@pytest.mark.parametrize("other", [{"key_prefix": "b"}, {"topic_prefix": "b."}])
def test_deployments_with_other_keys_or_other_topics_do_not(other):
    assert transactional_id_of(Settings(), 0) != transactional_id_of(Settings(**other), 0)


def test_each_shard_has_its_own():
    assert len({transactional_id_of(Settings(), shard) for shard in range(20)}) == 20
