from types import SimpleNamespace

import pytest
from faust.app.base import BootStrategy
from mode.utils.imports import load_extension_class_names

from stream.settings import Settings
from stream.transport.conf import Boot, ScorerApp, faust_settings


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setenv("STREAM_BUFFER_MAXSIZE", "4096")
    monkeypatch.setenv("STREAM_WAIT_EMPTY", "0")
    return ScorerApp(Settings(_env_file=None, kafka="a:1, b:2", partitions=8, session_timeout_seconds=9.0))


def test_brokers_take_the_scheme_of_this_transport(app):
    assert [str(url) for url in app.conf.broker] == ["scorer://a:1", "scorer://b:2"]


def test_fausts_own_variables_of_the_same_prefix_have_no_effect(app):
    assert app.conf.stream_buffer_maxsize == 4
    assert app.conf.stream_wait_empty


def test_faust_serves_no_web_even_when_its_worker_switches_it_on(app):
    app.conf.web_enabled = True
    assert isinstance(app.boot_strategy, Boot)
    assert not app.boot_strategy._should_enable_web()
    assert list(app.boot_strategy.web_server()) == []
    assert list(app.boot_strategy.kafka_producer()) == []
    assert BootStrategy.enable_kafka_producer is None


def test_heartbeats_fit_the_session(app):
    assert app.conf.broker_session_timeout == 9.0
    assert app.conf.broker_heartbeat_interval == 3.0
    assert app.conf.broker_session_timeout <= app.conf.broker_request_timeout
    assert app.conf.topic_partitions == 8
    assert app.conf.table_standby_replicas == 0


def test_a_session_longer_than_a_request_lengthens_the_request():
    given = SimpleNamespace(**Settings(_env_file=None).model_dump() | {"session_timeout_seconds": 120.0})
    assert faust_settings(given)["broker_request_timeout"] > 120.0


def test_who_joins_is_answered_before_the_request_is_given_up(app):
    # The broker answers when all members have joined, or the time for that is over.
    assert app.conf.broker_session_timeout <= app.conf.broker_rebalance_timeout < app.conf.broker_request_timeout


def test_the_entry_point_if_the_package_is_installed():
    found = dict(load_extension_class_names("faust.transports"))
    assert found.get("scorer", "stream.transport.driver:Transport") == "stream.transport.driver:Transport"
