from __future__ import annotations

import pytest

from stream.contracts.topics import INPUT_RANK, Topics


def test_every_name_carries_the_prefix_as_it_is():
    topics = Topics("shop.")
    assert topics.inputs == {name: f"shop.{name}" for name in ("profiles", "orders", "interactions", "privacy")}
    names = (
        *(topics.orders, topics.interactions, topics.profiles, topics.privacy),
        *(topics.tier_changes, topics.churn_warnings, topics.customer_changes, topics.follow_ups),
        *(topics.customer_scores, topics.dead_letters, topics.calibrations),
    )
    assert names == tuple(spec.name for spec in topics.specs(4))
    assert all(name.startswith("shop.") for name in names)


def test_ties_are_broken_in_this_order():
    assert sorted(INPUT_RANK, key=INPUT_RANK.__getitem__) == ["profiles", "orders", "interactions", "privacy"]


def test_topics_keyed_by_customer_have_one_partition_a_shard():
    specs = {spec.name: spec for spec in Topics().specs(12)}
    assert specs.pop("calibrations").partitions == 1
    assert {spec.partitions for spec in specs.values()} == {12}
    assert [name for name, spec in specs.items() if spec.compacted] == ["customer-scores"]


@pytest.mark.parametrize("prefix", ["shop/", "a b", "ü.", "x" * 240, "shop\n"])
def test_a_prefix_that_kafka_would_refuse_is_refused_first(prefix):
    with pytest.raises(ValueError, match="topic prefix"):
        Topics(prefix)
