"""Topics are made once every broker shows them: a controller answers before."""

import pytest

from stream.commands import topics
from stream.settings import Settings

PREFIX = "shop."


class Answer:
    def __init__(self, listed):
        self.listed = listed

    def to_object(self):
        return {"topics": self.listed}


class Broker:
    """Hears of topics only when it has been asked so many times after they were made."""

    def __init__(self, cluster, number, denials, leaderless=0):
        self.cluster, self.nodeId = cluster, number
        self.denials, self.leaderless = denials, leaderless

    def metadata(self):
        if not self.cluster.made:
            return []
        if self.denials:
            self.denials -= 1
            return []
        error = 5 * bool(self.leaderless)
        self.leaderless -= bool(self.leaderless)
        return [
            {"topic": name, "error_code": 0, "partitions": [{"error_code": error}] * count}
            for name, count in self.cluster.made.items()
        ]


class Cluster:
    """As much of an admin client as is used, with the brokers behind it."""

    def __init__(self, *denials, leaderless=0):
        self.made = {}
        self.members = [Broker(self, number, count, leaderless) for number, count in enumerate(denials)]
        self._client = self.cluster = self

    def brokers(self):
        return self.members

    async def send(self, number, _request):
        answer = self.members[number].metadata()
        if answer is None:
            raise topics.KafkaError
        return Answer(answer)

    async def describe_topics(self):
        return self.members[0].metadata()

    async def create_topics(self, new):
        self.made = {topic.name: topic.num_partitions for topic in new}
        self.topic_errors = [(name, 0, None) for name in self.made]
        return self

    async def start(self):
        pass

    async def close(self):
        pass


async def make(monkeypatch, cluster):
    monkeypatch.setattr("stream.commands.parts.AIOKafkaAdminClient", lambda **_: cluster)
    return await topics.create(Settings(topic_prefix=PREFIX, partitions=3))


@pytest.mark.parametrize("cluster", [Cluster(0), Cluster(2), Cluster(0, 3, 1), Cluster(1, leaderless=2)])
async def test_made_topics_are_shown_by_every_broker(monkeypatch, cluster):
    found = await make(monkeypatch, cluster)
    assert {state.outcome for state in found} == {"created"}
    for broker in cluster.brokers():
        shown = {topic["topic"]: topic["partitions"] for topic in broker.metadata()}
        assert shown == {state.spec.name: [{"error_code": 0}] * state.spec.partitions for state in found}


async def test_a_broker_that_never_shows_them_is_named(monkeypatch):
    monkeypatch.setattr(topics, "SHOWN_SECONDS_MAX", 0.1)
    found = await make(monkeypatch, Cluster(0, 10**9))
    assert not any(state.well for state in found)
    assert {state.detail.partition(":")[0] for state in found} == {
        "was made, but broker 1 does not show it after 0.1 s"
    }


async def test_a_broker_that_does_not_answer_is_passed_over(monkeypatch):
    cluster = Cluster(0, 0)
    cluster.members[1].metadata = lambda: None
    assert all(state.well for state in await make(monkeypatch, cluster))
