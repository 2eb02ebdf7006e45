"""The Streaming API over HTTP; reading itself by a server of its own."""

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from notifications.models import StreamEvent, StreamSubscription
from notifications.streams import publishing
from tests.commlog.api.conftest import Program
from tests.factories import make_consumer, make_key
from tests.web_server import commlog

TOPIC = "mrn.event.commlog.streamingapi.client_approved"
ASKED = {"owning_application": "app", "event_types": [TOPIC], "read_from": "begin"}


def publish(count: int = 1, **fields: Any) -> None:
    events = [
        StreamEvent(topic=TOPIC, key=uuid4(), body=f'{{"n":{n}}}', content_type="application/json", **fields)
        for n in range(count)
    ]
    publishing.append(events)


def problem(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert set(body) == {"type", "title", "status", "detail"}
    assert body["status"] == answer.status_code
    return answer.status_code, body["detail"]


def made(program: Program, **fields: Any) -> str:
    answer = program.post("/subscriptions", ASKED | fields)
    assert answer.status_code == 201
    return str(answer.json()["id"])


@pytest.mark.django_db
@pytest.mark.parametrize("base", ["", "/api/v1"])
def test_a_subscription_is_made_once(program: Program, base: str) -> None:
    first = program.post(f"{base}/subscriptions", ASKED, X_Flow_Id="flow-1")
    again = program.post(f"{base}/subscriptions", ASKED)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first["Location"] == again["Location"] == f"/subscriptions/{first.json()['id']}"
    assert first["X-Flow-Id"] == "flow-1"
    assert set(first.json()) == {
        "id",
        "owning_application",
        "event_types",
        "consumer_group",
        "read_from",
        "created_at",
    }
    assert program.get(f"{base}/subscriptions/{first.json()['id']}").json() == first.json() == again.json()


@pytest.mark.django_db
def test_the_list_is_paged_by_relative_links_the_newest_first(program: Program) -> None:
    keys = [made(program, owning_application=f"app{number}") for number in range(3)]

    first = program.get("/api/v1/subscriptions?limit=2").json()
    second = program.get(first["_links"]["next"]["href"]).json()

    assert [each["id"] for each in first["items"] + second["items"]] == keys[::-1]
    assert set(second["_links"]) == {"prev"}
    assert [each["id"] for each in program.get("/subscriptions?owning_application=app1").json()["items"]] == [
        keys[1]
    ]
    assert len(program.get(f"/subscriptions?event_type={TOPIC}&event_type={TOPIC}").json()["items"]) == 3
    assert program.get(f"/subscriptions?event_type={TOPIC}&event_type=other").json() == {
        "items": [],
        "_links": {},
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("{", 400, "JSON"),
        ([], 422, "the body must be an object"),
        ({"event_types": [TOPIC]}, 422, "owning_application: is missing"),
        (ASKED | {"event_types": []}, 422, "event_types: must be a list of 1 to 33 names"),
        (ASKED | {"event_types": ["a b"]}, 422, "event_types: must be a list of 1 to 33 names"),
        (
            ASKED | {"event_types": [f"t{n}" for n in range(34)]},
            422,
            "event_types: must be a list of 1 to 33 names",
        ),
        (ASKED | {"read_from": "middle"}, 422, "read_from: must be begin, end or cursors"),
        (ASKED | {"read_from": "cursors"}, 422, "items: must be a list of cursors"),
    ],
)
def test_what_cannot_be_subscribed_is_a_problem(program: Program, body: Any, status: int, said: str) -> None:
    answer = program.post("/subscriptions", body)
    assert problem(answer)[0] == status
    assert said in problem(answer)[1]
    assert not StreamSubscription.objects.exists()


@pytest.mark.django_db
def test_who_asks_without_a_key_or_a_permission_is_refused(program: Program) -> None:
    key = made(program)
    assert problem(program.client.get("/subscriptions"))[0] == 401
    assert program.client.get("/subscriptions")["WWW-Authenticate"] == 'Bearer realm="Commlog"'
    assert (
        problem(program.client.get("/api/v1/subscriptions", headers={"Authorization": "Basic YTpi"}))[0]
        == 401
    )
    assert (
        program.client.get("/subscriptions", headers={"Authorization": f"Bearer {program.key}"}).status_code
        == 200
    )
    viewer = Program(make_key(role="Viewer"))
    assert problem(viewer.get(f"/subscriptions/{key}")) == (403, "this needs the permission “Read streams”")


@pytest.mark.django_db
def test_anothers_subscription_takes_the_permission_to_manage(program: Program) -> None:
    from django.contrib.auth.models import Group as Role
    from django.contrib.auth.models import Permission

    key = made(program)
    role = Role.objects.create(name="Stream reader")
    role.permissions.add(Permission.objects.get(codename="read_streams"))
    other = Program(make_key(make_consumer(role="Stream reader")))
    own = made(other, owning_application="other")

    assert [each["id"] for each in other.get("/subscriptions").json()["items"]] == [own]
    for path in ("", "/cursors", "/stats", "/events"):
        status, said = problem(other.get(f"/subscriptions/{key}{path}"))
        assert (status, said) == (
            403,
            "the subscription is another caller's; this needs the permission “Manage streams”",
        )
    assert problem(other.call("patch", f"/subscriptions/{own}/cursors", {"items": []}))[0] == 403
    assert other.call("delete", f"/subscriptions/{own}", "").status_code == 204
    assert problem(other.get(f"/subscriptions/{own}"))[0] == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/event-types",
        "/event-types",
        "/event-types/x/events",
        "/subscriptions/x",
        "/api/v1/x",
        "/subscriptions/x/y",
    ],
)
def test_what_there_is_not_is_a_problem(program: Program, path: str) -> None:
    assert problem(program.get(path))[0] == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "batch_limit=0",
        "batch_limit=x",
        "max_uncommitted_events=0",
        "stream_limit=1&batch_limit=2",
        "stream_timeout=4201",
        "stream_timeout=5&batch_flush_timeout=9",
        "commit_timeout=61",
        "stream_keep_alive_limit=-1",
    ],
)
def test_absurd_parameters_are_a_problem(program: Program, query: str) -> None:
    assert problem(program.get(f"/subscriptions/{made(program)}/events?{query}"))[0] == 400


@pytest.mark.django_db
def test_cursors_and_statistics(program: Program) -> None:
    key = made(program)
    publish(7)

    stats = program.get(f"/subscriptions/{key}/stats?show_time_lag=true").json()["items"]
    cursors = program.get(f"/subscriptions/{key}/cursors").json()["items"]

    assert [each["partition"] for each in cursors] == ["0", "1", "2"]
    assert {each["offset"] for each in cursors} == {"001-0001--00000000000000001"}
    (topic,) = stats
    assert topic["event_type"] == TOPIC
    assert sum(each["unconsumed_events"] for each in topic["partitions"]) == 7
    assert {each["state"] for each in topic["partitions"]} == {"unassigned"}
    assert {each["consumer_lag_seconds"] for each in topic["partitions"]} == {0}

    ends = [each | {"offset": "001-0001-000000000000000099"} for each in cursors]
    assert problem(program.call("patch", f"/subscriptions/{key}/cursors", {"items": ends}))[0] == 422
    assert (
        problem(
            program.post(f"/subscriptions/{key}/cursors", {"items": cursors}, X_Mambu_StreamId=str(uuid4()))
        )[0]
        == 422
    )
    assert problem(program.post(f"/subscriptions/{key}/cursors", {"items": cursors}))[0] == 422
    assert program.call("patch", f"/subscriptions/{key}/cursors", {"items": cursors}).status_code == 204


@pytest.mark.django_db
def test_while_cursors_are_reset_nobody_reads_or_resets(program: Program) -> None:
    key = made(program)
    StreamSubscription.objects.update(resets_until=timezone.now() + timedelta(seconds=9))
    cursors = program.get(f"/subscriptions/{key}/cursors").json()["items"]
    said = (409, "the cursors of the subscription are being reset: try again in a moment")

    assert problem(program.call("patch", f"/subscriptions/{key}/cursors", {"items": cursors})) == said
    environment: Any = {"wsgi.multithread": True}
    assert (
        problem(
            program.client.get(f"/subscriptions/{key}/events", headers={"apiKey": program.key}, **environment)
        )
        == said
    )


@pytest.mark.django_db
def test_a_process_without_threads_serves_no_stream(program: Program) -> None:
    assert problem(program.get(f"/subscriptions/{made(program)}/events"))[0] == 503


# --- Reading, from a server ---------------------------------------------------------------------------------
@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    with commlog("--threads", "12") as port:
        yield port


class Reader:
    """A client that reads lines as they come."""

    def __init__(self, port: int, key: str, subscription: str, query: str = "") -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.request(
            "GET",
            f"/subscriptions/{subscription}/events?{query}",
            headers={"apiKey": key, "Accept-Encoding": "gzip"},
        )
        self.answer: HTTPResponse = self.connection.getresponse()
        self.stream_id = self.answer.headers.get("X-Mambu-StreamId", "")

    def next(self) -> dict[str, Any]:
        line = self.answer.readline()
        return json.loads(line) if line else {}

    def close(self) -> None:
        if self.connection.sock:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.answer.close()


def test_events_come_as_they_are_published_and_are_committed(port: int) -> None:
    program = Program(make_key())
    key = made(program)
    reader = Reader(port, program.key, key, "batch_flush_timeout=1&max_uncommitted_events=100")
    assert reader.answer.status == 200
    assert (reader.answer.headers["Transfer-Encoding"], reader.answer.headers.get("Content-Encoding")) == (
        "chunked",
        None,
    )
    assert reader.answer.headers["X-Nakadi-StreamId"] == reader.stream_id

    publish(3)
    seen: list[dict[str, Any]] = []
    first = None
    while sum(len(each.get("events", [])) for each in seen) < 3:
        seen.append(reader.next())
        first = first or seen[-1]
    assert first is not None
    assert first["info"] == {"debug": "Stream started"}
    (event, *_) = next(each["events"] for each in seen if each.get("events"))
    assert set(event) == {"metadata", "body", "template_name"}
    assert set(event["metadata"]) == {"eid", "occurred_at", "content_type", "category", "event_type"}
    cursors = [each["cursor"] for each in seen if each.get("events")]
    assert (
        program.post(
            f"/subscriptions/{key}/cursors", {"items": cursors}, X_Nakadi_StreamId=reader.stream_id
        ).status_code
        == 204
    )
    again = program.post(
        f"/subscriptions/{key}/cursors", {"items": cursors[:1]}, X_Mambu_StreamId=reader.stream_id
    )
    assert (again.status_code, [each["result"] for each in again.json()["items"]]) == (200, ["outdated"])
    while reader.next().get("events"):
        pass  # and a sign of life without events

    stats = program.get(f"/subscriptions/{key}/stats").json()["items"][0]["partitions"]
    assert {(each["state"], each["unconsumed_events"], each["stream_id"]) for each in stats} == {
        ("assigned", 0, reader.stream_id)
    }
    reader.close()
    assert_soon(lambda: state(program, key) == {"unassigned"})


def state(program: Program, key: str) -> set[str]:
    return {
        each["state"] for each in program.get(f"/subscriptions/{key}/stats").json()["items"][0]["partitions"]
    }


def assert_soon(condition: Any) -> None:
    until = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_there_are_as_many_readers_as_partitions_and_a_reset_cuts_them_off(port: int) -> None:
    program = Program(make_key())
    key = made(program)
    readers = [Reader(port, program.key, key, "batch_flush_timeout=1") for _ in range(3)]
    fourth = Reader(port, program.key, key)
    assert (fourth.answer.status, fourth.answer.headers["Content-Type"]) == (409, "application/problem+json")
    assert_soon(lambda: state(program, key) == {"assigned"})
    publish(4)

    cursors = program.get(f"/subscriptions/{key}/cursors").json()["items"]
    assert program.call("patch", f"/subscriptions/{key}/cursors", {"items": cursors}).status_code == 204
    for each in readers:
        while each.next():
            pass  # until its end
    assert (
        problem(
            program.post(
                f"/subscriptions/{key}/cursors", {"items": cursors}, X_Mambu_StreamId=readers[0].stream_id
            )
        )[0]
        == 422
    )


def test_a_stream_ends_after_its_limit(port: int) -> None:
    program = Program(make_key())
    key = made(program)
    publish(20)
    reader = Reader(port, program.key, key, "stream_limit=5&batch_limit=2&batch_flush_timeout=1")
    batches = []
    while batch := reader.next():
        batches.append(batch)
    assert sum(len(each.get("events", [])) for each in batches) == 5


def test_without_a_commit_a_stream_ends_and_all_comes_again(port: int) -> None:
    program = Program(make_key())
    key = made(program)
    publish(2)
    seen = []
    for _ in range(2):
        reader = Reader(port, program.key, key, "commit_timeout=1&batch_flush_timeout=1")
        eids = set()
        while batch := reader.next():
            eids |= {each["metadata"]["eid"] for each in batch.get("events", [])}
        seen.append(eids)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2
