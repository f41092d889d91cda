"""Names of keys, and the hash tag that keeps a shard together."""

import pytest

from stream.store.keys import Keys, shard_of
from tests.oracle.partition import shard_of as by_the_book


@pytest.mark.parametrize("prefix", ["", "a{b", "a}b"])
def test_a_prefix_that_would_break_the_hash_tag_is_refused(prefix):
    with pytest.raises(ValueError, match="without braces"):
        Keys(prefix, 0)


def test_a_negative_shard_is_refused():
    with pytest.raises(ValueError, match="partition number"):
        Keys("scorer", -1)


@pytest.mark.parametrize("customer", ["", "1", "c-17", "ünïcødé", "x" * 300])
def test_a_customer_is_where_kafka_puts_the_key(customer):
    assert [shard_of(customer, n) for n in (1, 4, 100)] == [by_the_book(customer, n) for n in (1, 4, 100)]
