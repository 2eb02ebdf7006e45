"""/metrics: who may read it, what it says, and that it counts nothing by reading messages."""

import json
import logging
import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client import CollectorRegistry
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from commlog.kit.log_lines import Json, OneJson
from commlog.metrics import ended_processes, sending
from notifications.database.clock import db_now
from notifications.models import LaneHour, Sample
from notifications.rollups import samples
from notifications.states import Circuit, MessageState, MessageType, Outcome
from tests.factories import make_lane, make_message, make_resend, make_tally

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-more-than-twenty-characters"


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.fixture(autouse=True)
def samples_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process nothing was sampled yet, and its connection stays open."""
    monkeypatch.setattr(samples, "_rests_until", 0.0)
    monkeypatch.setattr(connection, "close", lambda: None)


def read(client: Client, **headers: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples by their names, each by the values of its labels."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"} | headers)
    assert answer.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for each in family.samples:
            found.setdefault(each.name, {})[tuple(each.labels.values())] = each.value
    return found


def test_only_a_token_or_a_network_opens_it(client: Client, settings: Any) -> None:
    def asked(authorization: str = "") -> int:
        return client.get("/metrics", headers={"Authorization": authorization}).status_code

    assert (asked(), asked("Bearer wrong"), asked(TOKEN), asked(f"Bearer {TOKEN}")) == (404, 404, 404, 200)
    assert asked(f"Bearer {TOKEN}ü") == 404
    settings.METRICS_NETS = settings.TRUSTED_PROXY_NETS = []
    settings.METRICS_TOKEN = ""
    assert (asked(), asked("Bearer "), asked("Bearer")) == (404, 404, 404)
    settings.METRICS_NETS = [ip_network("127.0.0.0/8")]
    assert asked() == 200
    settings.METRICS_NETS = [ip_network("10.0.0.0/8")]
    assert asked() == 404
    settings.METRICS_TOKEN = TOKEN
    assert asked(f"Bearer {TOKEN}") == 404


def test_it_says_how_sending_goes(client: Client) -> None:
    lane, now = make_lane(name="mail.example.org:25"), db_now()
    ever = {"lane": lane, "minute": 0, "outcome": Outcome.ACCEPTED}
    LaneHour.objects.create(**ever, tries=100, retries=3, wait_0=90, wait_5=9, waited=60_000)
    LaneHour.objects.create(**(ever | {"minute": 60}), tries=100)  # is in the first one already
    make_tally(lane, now, delivered=2, failed=1)
    make_resend(make_message(MessageState.FAILED, lane=lane))
    type(lane).objects.filter(pk=lane.pk).update(
        circuit=Circuit.OPEN, probe_at=now, rate=5.0, failing_since=now, paused_at=now
    )
    samples.sample("host:1:", 4)
    samples.sample("host:2:", 2)
    Sample.objects.filter(name="workers host:2:").update(at=now - timedelta(minutes=2))
    found = read(client)
    where = ("EMAIL", "mail.example.org:25")
    assert found["commlog_attempts_total"] == {(*where, "ACCEPTED", ""): 102, (*where, "REFUSED", ""): 1}
    assert found["commlog_retries_total"] == {where: 3}
    buckets = found["commlog_delivery_seconds_bucket"]
    assert [buckets["EMAIL", le] for le in ("0.1", "5.0", "10.0", "+Inf")] == [90, 90, 99, 102]
    assert found["commlog_delivery_seconds_sum"] == {("EMAIL",): 60.0}
    assert found["commlog_messages"]["FAILED",] == found["commlog_messages"]["QUEUED",] == 1
    assert found["commlog_resends_total"] == {(): 1}
    assert found["commlog_workers"] == {(): 4}
    for name in ("circuit_open", "failing", "paused"):
        assert found[f"commlog_lane_{name}"] == {where: 1}
    assert found["commlog_lane_pace"] == {where: 5}
    assert found["commlog_oldest_due_seconds"] == {(): 0}  # what is held is not late


def test_lanes_beyond_the_first_share_a_label_and_long_names_are_cut(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST_LANES", 2)
    names = ('a"\n\\', "b" * 300, "c", "d")
    for name in names:
        make_tally(make_lane(MessageType.WEB_HOOK, name), db_now(), delivered=1)
    tries = read(client)["commlog_attempts_total"]
    assert {labels[1]: number for labels, number in tries.items() if labels[2] == "ACCEPTED"} == {
        names[0]: 1,
        "b" * 100: 1,
        "other": 2,
    }


def test_it_costs_the_same_whatever_there_is_and_counts_no_messages(client: Client) -> None:
    for number in (1, 3):
        for each in range(number):
            make_tally(make_lane(name=f"{number}-{each}"), db_now(), delivered=1)
            make_message(MessageState.SENT)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            read(client)
        statements = [each["sql"] for each in asked if "clock_timestamp" not in each["sql"]]
        assert len(statements) == 12
        assert not [each for each in statements if each.startswith("SELECT COUNT")]
        about_messages = [each for each in statements if "notifications_message" in each]
        assert len(about_messages) == 2
        for statement in about_messages:
            assert _read_whole(statement) == []


def _read_whole(statement: str) -> list[str]:
    """The lines of a plan that read a table of messages or attempts without an index."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a small table is read whole otherwise
            cursor.execute(f"EXPLAIN {statement}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        plan = [str(row[-1]) for row in cursor.fetchall()]
    assert any("message" in line for line in plan)
    tables = r"(SCAN|Seq Scan on) notifications_(message|attempt)\b(?!.*USING)"
    return [line for line in plan if re.search(tables, line)]


def test_what_a_supervisor_has_just_counted_another_does_not_count() -> None:
    samples.sample("host:1:", 2)
    make_message()
    samples.sample("host:2:", 2)
    assert Sample.objects.get(name="states").value["QUEUED"] == 0
    assert Sample.objects.filter(name__startswith="workers ").count() == 2


def test_pages_and_operations_are_known_by_their_routes(client: Client) -> None:
    def asked(found: dict[str, dict[tuple[str, ...], float]], *labels: str) -> float:
        return found.get("commlog_page_requests_total", {}).get(labels, 0.0)

    before = read(client)
    client.get("/sign-in/?next=/secret/")
    client.get("/nowhere/1234/")
    client.get("/api/communications/messages/x")
    found = read(client)
    assert asked(found, "sign-in", "200") - asked(before, "sign-in", "200") == 1
    assert asked(found, "no such page", "404") - asked(before, "no such page", "404") == 1
    assert not any("1234" in str(labels) for each in found.values() for labels in each)
    assert found["commlog_api_requests_total"]
    assert not any("messages/x" in labels[0] for labels in found["commlog_api_requests_total"])


def test_what_is_watched_outside_is_there(client: Client) -> None:
    """Every metric and every label that a rule or a panel asks for is one that /metrics has."""
    lane = make_lane()
    make_tally(lane, db_now(), delivered=1)
    type(lane).objects.update(rate=1.0)
    make_resend(make_message(MessageState.FAILED))
    samples.sample("host:1:", 2)
    client.get("/sign-in/")
    client.get("/api/communications/messages/x")
    labels: dict[str, set[str]] = {}
    page = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    for family in text_string_to_metric_families(page):
        for each in family.samples:
            labels.setdefault(each.name, {"instance"}).update(each.labels)
    (group,) = yaml.safe_load((ROOT / "ops/alerts.yml").read_text())["groups"]
    panels = json.loads((ROOT / "ops/grafana.json").read_text())["panels"]
    watched = [(rule["expr"], rule["annotations"]["summary"]) for rule in group["rules"]]
    watched += [(query["expr"], query["legendFormat"]) for panel in panels for query in panel["targets"]]
    for expression, words in watched:
        names = re.findall(r"commlog_\w+", expression)
        known = set.intersection(*(labels[name] for name in names))
        kept = {each for by in re.findall(r"by \(([^)]*)\)", expression) for each in by.split(", ")}
        for name, chosen in re.findall(r"(commlog_\w+){([^}]*)}", expression):
            assert set(re.findall(r"(\w+)[!=]~?\"", chosen)) <= labels[name], expression
        shown = set(re.findall(r"{{ ?(?:\$labels\.)?(\w+) ?}}", words))
        assert expression.count("(") == expression.count(")"), expression
        assert kept <= known, expression
        assert shown <= kept, (expression, words)
    assert len({name for expression, _ in watched for name in re.findall(r"commlog_\w+", expression)}) > 15
    for rule in group["rules"]:
        assert rule.keys() | {"for"} == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
        assert re.fullmatch(r"\d+[sm]", rule.get("for", "0s"))
    for panel in panels:
        assert [query["refId"] for query in panel["targets"]] == ["A", "B"][: len(panel["targets"])]


def test_what_a_process_has_counted_outlives_it(tmp_path: Path) -> None:
    key = json.dumps(["commlog_x", "commlog_x_total", {"page": "log"}, "x"])
    for pid in (11, 12):
        counted = MmapedDict(str(tmp_path / f"counter_{pid}.db"))
        counted.write_value(key, float(pid), 0.0)
        counted.close()
    for pid in (11, 12, 13):
        ended_processes.keep(str(tmp_path), pid)
    assert [path.name for path in tmp_path.iterdir()] == ["counter_0.db"]
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(tmp_path))
    assert registry.get_sample_value("commlog_x_total", {"page": "log"}) == 23.0


def test_lines_of_the_log_can_be_objects() -> None:
    try:
        raise ValueError("x")
    except ValueError as error:
        record = logging.makeLogRecord(
            {"name": "a", "levelname": "ERROR", "msg": "Grüße %s", "args": ("you",), "created": 0.0}
            | {"exc_info": (type(error), error, error.__traceback__)}
        )
    said = json.loads(Json().format(record))
    assert said.pop("exception").endswith("ValueError: x")
    assert said == json.loads(OneJson().format(record))
    assert {name: said[name] for name in ("time", "level", "logger", "message")} == {
        "time": "1970-01-01T00:00:00.000+00:00",
        "level": "ERROR",
        "logger": "a",
        "message": "Grüße you",
    }


def test_a_page_that_went_wrong_names_its_request(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr(sending.Sending, "collect", lambda self: 1 / 0)
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 500
    assert f"<code>{answer['X-Request-Id']}</code>" in answer.text
