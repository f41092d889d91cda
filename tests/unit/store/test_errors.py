"""What passes by itself is one kind of error; a bug stays what it is."""

import pytest
from redis import exceptions

from stream.store.errors import StoreUnavailable, unavailable

PASSING = {
    "no connection": exceptions.ConnectionError("Error 111 connecting"),
    "no answer": exceptions.TimeoutError("Timeout reading"),
    "loading": exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
    "full": exceptions.OutOfMemoryError("command not allowed", status_code="OOM"),
    "full, from a script of Redis 6": exceptions.ResponseError(
        "Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed"
    ),
    "disk": exceptions.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
    "replica": exceptions.ReadOnlyError("You can't write against a read only replica.", status_code="READONLY"),
    "too few replicas": exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
    "another script": exceptions.ResponseError("BUSY Redis is busy running a script."),
    "cluster down": exceptions.ClusterDownError("CLUSTERDOWN The cluster is down", status_code="CLUSTERDOWN"),
    "slot on its way": exceptions.TryAgainError("Multiple keys request during rehashing", status_code="TRYAGAIN"),
    "key on its way": exceptions.ResponseError(
        "Error running script: Script attempted to access a non local key in a cluster node"
    ),
    "too many clients": exceptions.ConnectionError("max number of clients reached"),
    "all connections busy": exceptions.MaxConnectionsError("all 64 connections were busy"),
    "password": exceptions.AuthenticationError("invalid username-password pair"),
    "rights": exceptions.NoPermissionError("this user has no permissions to run the 'evalsha' command"),
    "socket": OSError(104, "Connection reset by peer"),
}

BUGS = {
    "wrong type": exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    "broken script": exceptions.ResponseError("Error compiling script (new function): user_script:1: syntax error"),
    "foreign value": exceptions.ResponseError("ERR hash value is not an integer"),
    "bad argument": exceptions.DataError("Invalid input of type: 'dict'"),
    "our own": TypeError("unsupported operand"),
    "cross slot": exceptions.ClusterCrossSlotError("Keys in request don't hash to the same slot"),
}


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING)
def test_trouble_that_passes_says_what_it_was_and_what_is_done(error):
    found = unavailable(error)
    assert isinstance(found, StoreUnavailable)
    assert type(error).__name__ in str(found)
    assert "the shard is paused, and tried again until it works" in str(found)


@pytest.mark.parametrize("error", BUGS.values(), ids=BUGS)
def test_a_bug_is_not_taken_for_trouble(error):
    assert unavailable(error) is None


def test_an_attribute_that_an_idle_reset_took_away_is_a_lost_connection():
    """redis-py #4287: the reader or writer of the connection is None."""
    namespace = {"__name__": "redis.asyncio.connection"}
    exec("def send(writer):\n    writer.writelines([])", namespace)  # noqa: S102 - a stand-in inside that package
    with pytest.raises(AttributeError) as raised:
        namespace["send"](None)
    assert "reset while idle" in str(unavailable(raised.value))


def test_the_same_error_of_ours_is_a_bug():
    with pytest.raises(AttributeError) as raised:
        None.writelines([])
    assert unavailable(raised.value) is None
