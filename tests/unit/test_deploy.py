"""The files of a deployment say what they should, as far as that can be seen without starting one."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from stream.transport.errors import PositionOutOfLog, TopicRecreated

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
ALERTS = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
ALERT_TESTS = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
#: What nobody is alerted to but sets out to do.
WITHOUT_ALERT = {"restore"}

alerts = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
services = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not on the PATH; Debian's package prometheus brings it",
)


def promtool(*words):
    done = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_has_the_parts_of_the_whole_path():
    assert set(SERVICES) == {"kafka", "redis", "topics", "worker", "prometheus"}


@services
def test_every_image_is_pinned(service):
    _, _, tag = service["image"].partition(":")
    assert re.fullmatch(r"v?\d+\.\d+\.\d+(-\w+)?", tag)


@services
def test_ports_are_published_on_loopback_only(service):
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@services
def test_every_lasting_service_says_when_it_is_well(service):
    assert ("healthcheck" in service) == (service["restart"] != "no")


def test_each_part_starts_when_what_it_needs_is_there():
    needs = {
        name: {other: need["condition"] for other, need in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert needs == {
        "kafka": {},
        "redis": {},
        "topics": {"kafka": "service_healthy"},
        "worker": {"topics": "service_completed_successfully", "redis": "service_healthy"},
        "prometheus": {"worker": "service_healthy"},
    }


def test_the_topics_job_runs_once():
    assert SERVICES["topics"]["command"] == ["topics", "create"]


def test_redis_keeps_an_append_only_file_and_evicts_nothing():
    words = SERVICES["redis"]["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "everysec"
    assert options["--maxmemory-policy"] == "noeviction"


def test_data_lives_in_named_volumes():
    kept = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith("./")
    }
    assert kept == set(COMPOSE["volumes"])


def test_what_is_mounted_exists():
    mounted = [
        ROOT / volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert mounted
    assert all(path.is_file() for path in mounted)


def test_the_job_and_the_worker_agree_on_where_things_are():
    job, worker = SERVICES["topics"]["environment"], SERVICES["worker"]["environment"]
    assert job.items() <= worker.items()
    assert worker["STREAM_KAFKA"] == "kafka:9092"


def test_prometheus_looks_where_the_worker_listens():
    scrape = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    port = SERVICES["worker"]["environment"]["STREAM_WEB_PORT"]
    assert [job["static_configs"] for job in scrape] == [[{"targets": [f"worker:{port}"]}]]


def test_the_image_runs_as_a_user_without_rights_and_installs_what_was_tested():
    lines = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d*$", lines, re.MULTILINE)
    assert "--constraint constraints.txt" in lines
    for line in re.findall(r"^FROM (\S+)", lines, re.MULTILINE):
        assert re.search(r":\d+\.\d+-", line), f"{line} is not pinned to a version of Python"


@alerts
def test_every_alert_says_how_bad_what_and_where_to_read(alert):
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"]["summary"]
    runbook = ROOT / alert["annotations"]["runbook"]
    assert runbook == ROOT / "docs" / "runbooks" / f"{alert['alert']}.md"
    assert runbook.read_text().startswith(f"# {alert['alert']}\n\n**Severity: {alert['labels']['severity']}.**")


@alerts
def test_every_alert_is_tested_to_fire_and_to_stay_silent(alert):
    cases = [
        bool(case["exp_alerts"])
        for test in ALERT_TESTS
        for case in test["alert_rule_test"]
        if case["alertname"] == alert["alert"]
    ]
    assert set(cases) == {True, False}


def test_every_runbook_belongs_to_an_alert_to_an_error_or_to_a_person():
    runbooks = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert runbooks == {alert["alert"] for alert in ALERTS} | WITHOUT_ALERT | {"PositionOutOfLog"}
    assert "docs/runbooks/PositionOutOfLog.md" in str(PositionOutOfLog("orders", 0, position=1))
    assert "docs/runbooks/PositionOutOfLog.md" in str(TopicRecreated("orders", "one", "other"))


@needs_promtool
def test_promtool_accepts_settings_and_rules():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")


@needs_promtool
def test_alerts_fire_when_they_should_and_only_then():
    promtool("test", "rules", "alerts_test.yml")


def test_what_ci_starts_can_be_started():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
