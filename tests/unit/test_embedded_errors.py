"""What the embedded parts say when they cannot start: what happened, what to do. No network, no server."""

import hashlib
import sys

import pytest

from stream.embedded import DownloadFailed, EmbeddedKafka, JavaMissing, RedisFailed, jars
from stream.embedded import java as java_module
from stream.embedded.errors import EmbeddedFailed
from stream.embedded.jars import Broker, Jar
from stream.embedded.java import java
from stream.embedded.redis import redis_server
from stream.embedded.server import Server

CONTENT = b"a jar"
JAR = Jar("org.example:part:1.0", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def one_jar(tmp_path, monkeypatch):
    """A broker of a single jar, an empty cache, and the folder that it goes to."""
    monkeypatch.setenv("STREAM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(jars, "broker", lambda: Broker("9.9", (JAR,)))
    return tmp_path / "kafka-9.9"


@pytest.fixture
def repository(monkeypatch):
    """What the repository does at each further request: bytes are served, an exception is raised."""
    answers = []

    def download(_self, artifact):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        artifact.cached_path.parent.mkdir(parents=True, exist_ok=True)
        artifact.cached_path.write_bytes(answer)
        return artifact.cached_path

    monkeypatch.setattr("jgo.maven.PythonResolver.download", download)
    return answers


def test_a_jar_is_fetched_once(one_jar, repository):
    repository.append(CONTENT)
    assert jars.classpath() == str(one_jar / "part-1.0.jar")
    assert jars.classpath() == str(one_jar / "part-1.0.jar")
    assert (one_jar / "part-1.0.jar").read_bytes() == CONTENT


def test_a_jar_that_fails_is_tried_again(one_jar, repository):
    repository += [ConnectionError("reset"), CONTENT]
    jars.classpath()
    assert (one_jar / "part-1.0.jar").exists()


def test_a_failed_download_says_where_it_goes_and_what_to_look_at(one_jar, repository):
    repository += [ConnectionError("no route to host")] * jars.DOWNLOAD_TRIES_MAX
    with pytest.raises(DownloadFailed) as failed:
        jars.classpath()
    said = str(failed.value)
    for part in (
        "part-1.0.jar",
        "no route to host",
        str(one_jar),
        "STREAM_CACHE_DIR",
        "HTTPS_PROXY",
        "mirror",
    ):
        assert part in said


def test_a_jar_that_was_cut_off_is_not_kept(one_jar, repository):
    repository.append(CONTENT[:-1])
    with pytest.raises(DownloadFailed, match="cut off on its way"):
        jars.classpath()
    assert not list(one_jar.glob("*.jar"))
    repository.append(CONTENT)
    jars.classpath()


@pytest.mark.usefixtures("one_jar")
def test_without_jgo_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(jars, "find_spec", lambda _name: None)
    with pytest.raises(DownloadFailed, match=r"pip install 'streaming-customer-scorer\[embedded\]'"):
        jars.classpath()


def test_every_jar_has_one_name_and_a_whole_sum():
    locked = jars.broker().jars
    assert len({jar.filename for jar in locked}) == len(locked)
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in locked)
    assert f"kafka-clients-{jars.broker().version}.jar" in {jar.filename for jar in locked}


def test_without_java_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(java_module, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JavaMissing, match=r"no java on the PATH.*\[embedded\].*17 or newer"):
        java()


def test_an_old_java_is_refused_by_its_own_words(monkeypatch, tmp_path):
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setattr(java_module, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JavaMissing, match=r"needs Java 17.*11\.0\.2"):
        java()


def test_without_redis_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("stream.embedded.redis.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RedisFailed, match=r"no redis-server.*\[embedded\]"):
        redis_server()


def test_before_the_first_start_there_is_no_address():
    server = EmbeddedKafka()
    for ask in (lambda: server.bootstrap, lambda: server.directory, lambda: server.pid):
        with pytest.raises(EmbeddedFailed, match=r"call start\(\) first"):
            ask()


class Script(Server):
    """A server that is a line of Python."""

    name = "Script"
    failure = EmbeddedFailed
    port_taken = "taken"
    line = ""

    def __init__(self, directory=None, *, port=None, start_seconds_max=10.0):
        super().__init__(directory, port=port, start_seconds_max=start_seconds_max, stop_seconds_max=5.0)

    def _prepare(self):
        pass

    def _command(self):
        return [sys.executable, "-c", self.line]

    def _answers(self):
        return False


class Ends(Script):
    line = "print('disk is full'); raise SystemExit(3)"


class Hangs(Script):
    line = "input_ = __import__('time').sleep(60)"


class Taken(Script):
    line = "print('port taken'); raise SystemExit(1)"


def test_a_server_that_ends_while_it_starts_is_quoted(tmp_path):
    server = Ends(tmp_path)
    with pytest.raises(EmbeddedFailed, match=r"exit code 3 while it started(.|\n)*\| disk is full"):
        server.start()
    assert not server.running


def test_only_this_start_is_quoted(tmp_path):
    server = Ends(tmp_path)
    for _ in range(2):
        with pytest.raises(EmbeddedFailed) as failed:
            server.start()
        assert str(failed.value).count("disk is full") == 1


def test_a_server_that_never_answers_is_stopped_and_the_limit_named(tmp_path):
    server = Hangs(tmp_path, start_seconds_max=0.1)
    with pytest.raises(EmbeddedFailed, match=r"within 0\.1 s.*start_seconds_max"):
        server.start()
    assert not server.running


def test_a_port_that_somebody_else_takes_is_given_up_after_some_tries(tmp_path):
    with pytest.raises(EmbeddedFailed, match="each was taken before it could listen"):
        Taken(tmp_path).start()
