"""The API answers in JSON, whatever is asked and whatever goes wrong."""

import asyncio
import errno
import logging
import shutil
import subprocess

import pytest
from aiohttp.test_utils import TestClient, TestServer

from stream.contracts.ids import ID_BYTES_MAX
from stream.metrics import Metrics
from stream.settings import Settings
from stream.store.errors import StoreUnavailable
from stream.web.api import make_api
from stream.web.server import AddressTaken, WebServer

RECORD = {"customer_id": "c-1", "version": 3, "tier": "high"}


class Records:
    """A backend of a dictionary, whose trouble can be chosen."""

    def __init__(self):
        self.records = {"c-1": RECORD}
        self.trouble = None
        self.readiness = (True, "4 shards")

    async def record(self, customer_id):
        if self.trouble is not None:
            raise self.trouble
        if customer_id == "slow":
            await asyncio.sleep(60)
        return self.records.get(customer_id)

    async def table(self, question):
        if self.trouble is not None:
            raise self.trouble
        return {"table": question.table.name, "window": question.window.name, "by": ",".join(question.by), "rows": []}

    def ready(self):
        return self.readiness


@pytest.fixture
def backend():
    return Records()


@pytest.fixture
async def client(backend):
    async with TestClient(TestServer(make_api(backend, Metrics(), answer_seconds_max=0.2))) as client:
        yield client


async def answer(client, path, method="GET", **options):
    async with client.request(method, path, **options) as response:
        assert response.content_type == "application/json"
        return response.status, await response.json()


async def test_a_customer_is_given_as_stored(client):
    assert await answer(client, "/v1/customers/c-1") == (200, RECORD)


@pytest.mark.parametrize("customer", ["ü/ß %", "{7}", "a b?c#d", "..", "日本"])
async def test_any_id_that_an_event_may_carry_can_be_asked_for(client, backend, customer):
    backend.records[customer] = {"customer_id": customer}
    path = "".join(f"%{byte:02X}" for byte in customer.encode())
    async with client.session.get(client.make_url("/v1/customers/").joinpath(path, encoded=True)) as response:
        assert await response.json() == {"customer_id": customer}


async def test_an_unknown_customer_is_told_with_what_to_check(client):
    status, body = await answer(client, "/v1/customers/nobody")
    assert (status, body["error"]) == (404, "unknown_customer")
    assert "'nobody'" in body["message"]
    assert "dead letters" in body["message"]


@pytest.mark.parametrize("path", ["/v1/customers/a%00b", "/v1/customers/" + "x" * (ID_BYTES_MAX + 1)])
async def test_an_id_that_no_event_can_have_is_refused(client, path):
    status, body = await answer(client, path)
    assert (status, body["error"]) == (400, "bad_customer_id")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/customers", "/v1/customers/", "/v1/customers/a/b", "/table"])
async def test_there_is_nothing_else(client, path):
    status, body = await answer(client, path)
    assert (status, body["error"]) == (404, "no_such_page")


async def test_other_methods_are_refused(client):
    status, body = await answer(client, "/v1/customers/c-1", method="DELETE")
    assert (status, body["error"]) == (405, "method_not_allowed")


async def test_trouble_with_redis_asks_to_come_again(client, backend):
    backend.trouble = StoreUnavailable("Redis cannot be reached")
    async with client.get("/v1/customers/c-1") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert (await response.json())["error"] == "state_unavailable"


async def test_an_answer_that_takes_too_long_is_given_up(client):
    status, body = await answer(client, "/v1/customers/slow")
    assert (status, body["error"]) == (503, "state_unavailable")


async def test_a_fault_of_ours_shows_nothing_of_itself(client, backend, caplog):
    backend.trouble = KeyError("secret of customer c-1")
    status, body = await answer(client, "/v1/customers/c-1")
    assert (status, body["error"]) == (500, "internal_error")
    assert "secret" not in str(body)
    assert "secret" in caplog.text


async def test_alive_even_where_not_ready(client, backend):
    backend.readiness = (False, "waiting for an assignment")
    assert await answer(client, "/healthz") == (200, {"alive": True})
    assert await answer(client, "/readyz") == (503, {"ready": False, "detail": "waiting for an assignment"})


async def test_ready(client):
    assert await answer(client, "/readyz") == (200, {"ready": True, "detail": "4 shards"})


async def test_metrics_are_shown(client):
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "# TYPE scorer_shards_owned gauge" in await response.text()


async def test_nobody_may_keep_what_concerns_a_customer(client):
    async with client.get("/v1/customers/c-1") as response:
        assert response.headers["Cache-Control"] == "no-store"


class TestTokens:
    @pytest.fixture
    async def client(self, backend):
        async with TestClient(TestServer(make_api(backend, Metrics(), ["one", "zwölf"]))) as client:
            yield client

    @pytest.mark.parametrize("given", ["Bearer one", "Bearer zwölf"])
    async def test_each_opens(self, client, given):
        assert (await answer(client, "/v1/customers/c-1", headers={"Authorization": given}))[0] == 200

    @pytest.mark.parametrize("given", [None, "", "one", "Bearer ", "Bearer on", "Bearer onee", "Basic one"])
    async def test_nothing_else_does(self, client, given):
        headers = {} if given is None else {"Authorization": given}
        async with client.get("/v1/customers/c-1", headers=headers) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert "STREAM_API_TOKENS" in (await response.json())["message"]

    @pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
    async def test_operations_need_none(self, client, path):
        async with client.get(path) as response:
            assert response.status == 200


def web_settings(**changes):
    return Settings(_env_file=None, **{"web_port": 0, **changes})


async def test_a_taken_port_is_told_with_the_setting_to_change(backend, caplog):
    async with WebServer(web_settings(), backend, Metrics()) as first:
        port = int(first.url.rpartition(":")[2])
        second = WebServer(web_settings(web_port=port), backend, Metrics())
        with pytest.raises(AddressTaken, match=f"127.0.0.1:{port}.*STREAM_WEB_PORT") as refused:
            await second.start()
        await second.stop()
    assert refused.value.__cause__.errno == errno.EADDRINUSE
    assert "STREAM_WEB_PORT" in caplog.text


async def test_an_address_of_another_machine_is_told(backend):
    with pytest.raises(AddressTaken, match="STREAM_WEB_HOST"):
        await WebServer(web_settings(web_host="192.0.2.1"), backend, Metrics()).start()


async def test_open_to_everybody_is_warned_about(backend, caplog):
    caplog.set_level(logging.INFO)
    async with WebServer(web_settings(web_host="0.0.0.0"), backend, Metrics()):  # noqa: S104 - that is the point
        assert "STREAM_API_TOKENS" in caplog.text
    caplog.clear()
    async with WebServer(web_settings(), backend, Metrics()):
        assert "STREAM_API_TOKENS" not in caplog.text


async def test_it_stops_twice_and_can_be_reached_between(backend):
    server = WebServer(web_settings(), backend, Metrics())
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert b"200 OK" in await reader.read()
    writer.close()
    await server.stop()
    await server.stop()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the PATH (Debian: prometheus)")
def test_promtool_accepts_every_metric():
    metrics = Metrics()
    for metric in vars(metrics).values():
        if hasattr(metric, "_labelnames"):
            child = metric.labels(*["x"] * len(metric._labelnames)) if metric._labelnames else metric
            (getattr(child, "observe", None) or child.inc)(1)
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics.text(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# -- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "window", "by"),
    [
        ("/v1/tables/sales", "24h", "total"),
        ("/v1/tables/sales?window=7d&by=tier", "7d", "tier"),
        ("/v1/tables/sales?by=segment", "24h", "segment"),
    ],
)
async def test_a_table_is_given_for_a_window_and_a_split(client, path, window, by):
    assert await answer(client, path) == (200, {"table": "sales", "window": window, "by": by, "rows": []})


@pytest.mark.parametrize(
    ("path", "status", "error", "words"),
    [
        ("/v1/tables/profits", 404, "unknown_table", "There are: sales, "),
        ("/v1/tables/sales?window=1d", 400, "bad_window", "There are: 1h, "),
        ("/v1/tables/sales?by=moon", 400, "bad_by", "It is by: total, tier, "),
        ("/v1/tables/sales?windows=1h", 400, "bad_parameter", "There are: window, by."),
    ],
)
async def test_a_table_that_cannot_be_asked_for_is_told_with_those_that_can(client, path, status, error, words):
    found, body = await answer(client, path)
    assert (found, body["error"]) == (status, error)
    assert words in body["message"]


async def test_all_tables_are_listed(client):
    status, body = await answer(client, "/v1/tables")
    assert status == 200
    assert {"sales", "satisfaction", "themes"} <= {table["table"] for table in body["tables"]}


async def test_a_table_that_cannot_be_read_is_trouble_that_passes(client, backend):
    backend.trouble = StoreUnavailable("gone")
    assert (await answer(client, "/v1/tables/sales"))[0] == 503
