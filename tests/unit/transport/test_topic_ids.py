from uuid import UUID

import pytest

from stream.transport.topic_ids import NoTopicIds, _Answer, topic_ids

ID = UUID("29da5125-6382-43d9-a517-1d2d1779ab44").bytes
NO_ID = bytes(16)


class Broker:
    """Speaks the versions of Metadata that it is told to, and knows `orders` alone."""

    def __init__(self, *versions):
        self.versions = {3: versions}
        self.asked = None

    def get_random_node(self):
        return 1

    async def send(self, node, request):
        assert node == 1
        question = request.prepare(self.versions)
        assert question.FLEXIBLE_VERSION
        self.asked = type(question).decode(question.encode())
        topics = [(3, "profiles", NO_ID, False, [], 0, {}), (0, "orders", ID, False, [PARTITION], 0, {})]
        brokers = [(1, "127.0.0.1", 9092, None, {})]
        return _Answer.decode(_Answer(0, brokers, "cluster", 1, topics, 0, {}).encode())


PARTITION = (0, 0, 1, 7, [1], [1], [], {})


async def test_a_topic_that_is_there_has_its_id_as_kafkas_tools_print_it():
    broker = Broker(0, 13)
    assert await topic_ids(broker, ["profiles", "orders"]) == {"orders": "KdpRJWOCQ9mlFx0tF3mrRA"}
    assert [name for _, name, _ in broker.asked.topics] == ["profiles", "orders"]
    assert not broker.asked.allow_auto_topic_creation


@pytest.mark.parametrize("newest", [5, 9])
async def test_a_broker_without_ids_is_told_from_one_that_does_not_answer(newest):
    with pytest.raises(NoTopicIds):
        await topic_ids(Broker(0, newest), ["orders"])
