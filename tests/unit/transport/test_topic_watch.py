import logging

import pytest
from aiokafka.errors import KafkaConnectionError

from stream.transport.errors import TopicRecreated
from stream.transport.topic_ids import NoTopicIds
from stream.transport.topic_watch import TopicWatch


class Broker:
    def __init__(self):
        self.ids = {"orders": "a", "profiles": "b"}
        self.error = None
        self.crashes = []

    async def ask(self):
        if self.error is not None:
            raise self.error
        return dict(self.ids)

    async def crash(self, reason):
        self.crashes.append(reason)


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def watch(broker):
    return TopicWatch(broker.ask, broker.crash, retry_seconds_max=0.01)


async def test_a_topic_that_changes_ends_the_worker(broker, watch):
    assert await watch.ids() == broker.ids
    await watch.look()
    assert not broker.crashes
    broker.ids["profiles"] = "c"
    await watch.look()
    (reason,) = broker.crashes
    assert isinstance(reason, TopicRecreated)
    assert reason.topic == "profiles"


async def test_nothing_is_compared_before_a_claim_or_while_no_answer_comes(broker, watch):
    await watch.look()
    await watch.ids()
    broker.error = KafkaConnectionError()
    await watch.look()
    assert not broker.crashes


async def test_a_topic_that_is_away_is_no_other_topic(broker, watch):
    await watch.ids()
    del broker.ids["orders"]
    await watch.look()
    assert not broker.crashes


async def test_a_claim_that_came_meanwhile_counts(broker, watch):
    await watch.ids()

    async def claimed_meanwhile():
        broker.ids["orders"] = "new"
        watch._ask = broker.ask
        await watch.ids()
        return {"orders": "a"}

    watch._ask = claimed_meanwhile
    await watch.look()
    assert not broker.crashes


async def test_old_brokers_are_gone_on_without_and_it_is_said_once(broker, watch, caplog):
    broker.error = NoTopicIds("too old")
    with caplog.at_level(logging.WARNING):
        assert await watch.ids() == {}
        assert await watch.ids() == {}
        await watch.look()
    assert caplog.text.count("only noticed where its log is shorter") == 1
    assert not broker.crashes
