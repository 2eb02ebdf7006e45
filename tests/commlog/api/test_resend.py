"""Resending by the API: the seed's two calls to the letter, what is skipped, what is refused, and twenty at
once.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Max
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commlog.models import AuditEntry
from notifications import outbox
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_key, make_message, make_resend, officer, set_up_channels

BASE = "/api/communications/messages"
KEYWISE = [(f"{BASE}:resend", 202), (f"{BASE}:resendAsyncByKeys", 200)]
# The body of the seed's example, byte for byte as its page has it.
SEED_BODY = """[
{
"field": "state",
"operator": "EQUALS",
"value": "FAILED"
},
{
"field":"type",
"operator":"EQUALS",
"value":"EMAIL"
}
]
"""


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    set_up_channels(settings)


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["/api", ""])
def test_the_seeds_two_calls_resend_every_failed_email_once(program: Program, prefix: str) -> None:
    failed = [
        make_message(MessageState.FAILED, content=f"Text {number} \U0001f418\r\n") for number in range(3)
    ]
    make_message(MessageState.FAILED, MessageType.SMS)
    make_message(MessageState.SENT)

    found = program.post("/api/communications/messages:search", SEED_BODY)
    resent = program.post(f"{prefix}/communications/messages:resend", found.content)

    assert (resent.status_code, resent.content, resent["Resend-Skipped"]) == (202, b"", "0")
    new = list(Message.objects.filter(resend_of__isnull=False).order_by("-resend_of__created_at"))
    assert [(each.state, each.resend_of, each.content) for each in new] == [
        ("QUEUED", old, old.content) for old in reversed(failed)
    ]

    found = program.post("/api/communications/messages:search", SEED_BODY)
    again = program.post(f"{prefix}/communications/messages:resend", found.content)

    assert (again.status_code, again["Resend-Skipped"]) == (202, "3")
    assert Message.objects.count() == 8


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), KEYWISE)
def test_bodies_of_every_kind_resend(program: Program, path: str, status: int) -> None:
    for shape in (
        lambda key: {"messages": [key]},
        lambda key: [key],
        lambda key: {"messages": [{"encodedKey": key, "body": "long"}], "again": None},
        lambda key: [{"encodedKey": key.upper(), "state": "FAILED", "attempts": [{"number": 1}]}],
    ):
        failed = make_message(MessageState.FAILED)
        for accept in ("text/*", "application/vnd.mambu.v2+json"):
            response = program.post(path, shape(failed.key.hex), Accept=accept)
            assert (response.status_code, response.content) == (status, b"")
        assert Message.objects.filter(resend_of=failed).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), KEYWISE)
def test_the_answer_of_a_search_that_found_nothing_is_nothing_to_do(
    program: Program, path: str, status: int
) -> None:
    response = program.post(path, [])
    assert (response.status_code, response["Resend-Skipped"]) == (status, "0")


@pytest.mark.django_db
def test_what_is_under_way_or_delivered_is_skipped_and_again_insists(program: Program) -> None:
    under_way, delivered = make_message(MessageState.FAILED), make_message(MessageState.FAILED)
    make_resend(under_way)
    make_resend(delivered, MessageState.SENT)
    keys = [under_way.key.hex, delivered.key.hex]
    assert program.post(f"{BASE}:resend", {"messages": keys})["Resend-Skipped"] == "2"
    assert program.post(f"{BASE}:resend", {"messages": keys, "again": True})["Resend-Skipped"] == "1"
    made = Message.objects.filter(resend_of=delivered).order_by("pk")
    assert list(made.values_list("state", flat=True)) == ["SENT", "QUEUED"]


@pytest.mark.django_db
def test_of_a_chain_the_latest_that_is_asked_for_is_sent(program: Program) -> None:
    failed = make_message(MessageState.FAILED, destination="old@example.org")
    later = make_resend(failed, MessageState.FAILED, destination="new@example.org")
    response = program.post(f"{BASE}:resend", [later.key.hex, failed.key.hex])
    assert response["Resend-Skipped"] == "1"
    new = Message.objects.get(state=MessageState.QUEUED)
    assert (new.first, new.resend_of, new.destination) == (failed, later, "new@example.org")


@pytest.mark.django_db
def test_it_is_done_in_the_name_of_the_consumer(program: Program) -> None:
    failed = make_message(MessageState.FAILED)
    program.post(f"{BASE}:resend", [failed.key.hex])
    new = Message.objects.get(resend_of=failed)
    assert (new.sender, new.resent_by_user) == ("Mambu", None)
    assert new.resent_by.startswith("Program ")
    entry = AuditEntry.objects.get(action="RESENT")
    assert (entry.actor_name, entry.target_label) == (f"{new.resent_by} (API)", "1 by the API")
    assert entry.after == {"created": 1, "skipped": 0, "messages": [failed.key.hex]}


@pytest.mark.django_db
def test_by_date_takes_the_failed_of_that_time_and_those_kinds(program: Program) -> None:
    now = timezone.now()
    ages = (MessageType.EMAIL, 5), (MessageType.SMS, 5), (MessageType.EMAIL, 15), (MessageType.WEB_HOOK, 5)
    early, text, *_ = [
        make_message(MessageState.FAILED, kind, created_at=now - timedelta(days=days)) for kind, days in ages
    ]
    make_message(MessageState.SENT, created_at=now - timedelta(days=5))
    span = {"startDate": (now - timedelta(days=9)).isoformat(), "endDate": now.isoformat()}
    some = program.post(f"{BASE}:resendAsyncByDate", span | {"templateTypes": ["EMAIL", "SMS", "TASK"]})
    assert (some.status_code, some.content, some["Resend-Skipped"]) == (200, b"", "0")
    assert set(Message.objects.filter(resend_of__isnull=False).values_list("resend_of", flat=True)) == {
        early.pk,
        text.pk,
    }
    every = program.post(f"{BASE}:resendAsyncByDate", span)
    assert (every.status_code, every["Resend-Skipped"]) == (200, "2")
    assert Message.objects.filter(resend_of=early).count() == 1


@pytest.mark.django_db
def test_by_date_has_a_limit(program: Program, settings: Any) -> None:
    settings.API_MOST_RESENT_BY_DATE = 2
    span = {"startDate": "2026-11-24", "endDate": "2026-11-24"}
    for number in range(3):
        if number == 2:
            assert program.post(f"{BASE}:resendAsyncByDate", span).status_code == 200
        make_message(
            MessageState.FAILED,
            created_at=timezone.datetime(2026, 11, 24, number, tzinfo=timezone.get_default_timezone()),
        )  # type: ignore[attr-defined]
    assert refusal(program.post(f"{BASE}:resendAsyncByDate", span))[:2] == (400, 2602)


@pytest.mark.django_db
@pytest.mark.parametrize("path", [path for path, _ in KEYWISE])
def test_keys_that_are_refused_resend_nothing(program: Program, path: str, settings: Any) -> None:
    failed, sent, key = (
        make_message(MessageState.FAILED).key.hex,
        make_message(MessageState.SENT).key.hex,
        uuid4().hex,
    )
    settings.API_MOST_RESENT = 3
    for body, expected in (
        ({"messages": []}, (400, 2609, "messages: is empty")),
        ({}, (400, 31, "messages: is missing")),
        ({"messages": "x"}, (400, 4, "messages: must be a list of keys")),
        ({"messages": [failed], "agian": True}, (400, 27, "there is no agian; there are again, messages")),
        ({"messages": [failed], "again": 1}, (400, 4, "again: must be true or false")),
        ("x", (400, 4, "the body: must be an object or, with keys, a list")),
        ([failed, "x"], (400, 2502, "encodedKey: must be a key of 32 hexadecimal characters")),
        ([failed, 5], (400, 2502, "encodedKey: must be text")),
        ([failed, {}], (400, 2609, "encodedKey: is missing")),
        ([failed, failed.upper()], (400, 2605, failed)),
        ([failed, sent], (400, 2606, f"{sent}: is SENT")),
        ([failed, key], (404, 2608, key)),
        ([key], (404, 2608, key)),
        ([key, "0" * 32], (404, 2607, key)),
        ([uuid4().hex for _ in range(4)], (400, 2602, "there are 4 messages, at most 3 are allowed")),
    ):
        status, code, _, source = refusal(program.post(path, json.dumps(body)))
        assert (status, code, source) == expected, body
    assert Message.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"startDate": None}, 31, "startDate: is missing"),
        ({"endDate": "soon"}, 4, "endDate: must be a day such as"),
        ({"endDate": 5}, 4, "endDate: must be text"),
        ({"endDate": "2026-11-23"}, 28, "startDate: is after endDate"),
        ({"startDate": "9999-12-31T23:59:59-14:00"}, 4, "startDate: must be a day"),
        (
            {"templateTypes": ["FAX"]},
            4,
            "templateTypes: must be a list of EMAIL, SMS, WEB_HOOK, EVENT_STREAM, TASK",
        ),
        ({"templateTypes": [[]]}, 4, "templateTypes: must be a list of"),
        ({"types": ["SMS"]}, 27, "there is no types"),
    ],
)
def test_spans_that_are_refused(program: Program, changed: dict[str, Any], code: int, said: str) -> None:
    body = {"startDate": "2026-11-24", "endDate": "2026-11-24T23:00:00+01:00"} | changed
    status, number, _, source = refusal(program.post(f"{BASE}:resendAsyncByDate", body))
    assert (status, number) == (400, code)
    assert source.startswith(said)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Pacific/Auckland", "2026-11-25", "2026-11-25T08:00:00+13:00"),
        ("Pacific/Auckland", "2026-11-25", "2026-11-25T00:30:00+13:00"),
        ("America/Los_Angeles", "2026-11-24T03:00:00-08:00", "2026-11-24"),
    ],
)
def test_by_date_takes_a_day_and_a_time_in_any_zone(
    program: Program, settings: Any, zone: str, start: str, end: str
) -> None:
    settings.TIME_ZONE = zone
    failed = make_message(MessageState.FAILED, created_at=datetime(2026, 11, 24, 11, 15, tzinfo=UTC))
    answer = program.post(f"{BASE}:resendAsyncByDate", {"startDate": start, "endDate": end})
    assert answer.status_code == 200
    assert Message.objects.filter(resend_of=failed).count() == 1


@pytest.mark.django_db
def test_many_cost_as_many_queries_as_few(
    program: Program, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    counts = []
    for number in (1, 30):
        pks = [make_message(MessageState.FAILED).pk for _ in range(number)]
        with CaptureQueriesContext(connection) as queries:
            assert outbox.resend_many(pks, by=officer()).created == number
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 1


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_without_a_key_make_one_new_entry() -> None:
    program, failed = Program(make_key()), make_message(MessageState.FAILED)

    def resend(_: int) -> tuple[int, str]:
        try:
            response = Program(program.key).post(f"{BASE}:resend", {"messages": [failed.key.hex]})
            return response.status_code, response["Resend-Skipped"]
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        answers = sorted(threads.map(resend, range(20)))
    assert answers == [(202, "0")] + [(202, "1")] * 19
    assert Message.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_that_ask_for_the_same_in_another_order_do_not_block_each_other() -> None:
    failed = [make_message(MessageState.FAILED).pk for _ in range(40)]
    by = officer()

    def resend(turn: int) -> int:
        try:
            with transaction.atomic():
                return outbox.resend_many(failed if turn % 2 else failed[::-1], by=by).created
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(resend, range(4))) == [0, 0, 0, 40]
    assert Message.objects.aggregate(last=Max("pk"))["last"] is not None
    assert Message.objects.filter(resend_of__isnull=False).count() == 40


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), KEYWISE)
def test_what_can_only_fail_at_once_is_skipped_and_a_repeated_call_makes_no_row(
    program: Program, path: str, status: int
) -> None:
    fine = make_message(MessageState.FAILED)
    for fields in ({"destination": ""}, {"destination": "ana at example.org"}, {"content": " "}):
        make_message(MessageState.FAILED, **fields)
    for skipped in ("3", "4", "4"):
        found = program.post(f"{BASE}:search", SEED_BODY)
        again = program.post(path, found.content)
        assert (again.status_code, again.content, again["Resend-Skipped"]) == (status, b"", skipped)
    assert (
        program.post(path, {"messages": [each["encodedKey"] for each in found.json()], "again": True})[
            "Resend-Skipped"
        ]
        == "4"
    )
    assert [each.resend_of for each in Message.objects.filter(resend_of__isnull=False)] == [fine]


@pytest.mark.django_db
def test_by_date_a_repeated_call_makes_no_row_for_what_can_only_fail(program: Program) -> None:
    make_message(MessageState.FAILED, MessageType.SMS, destination="")
    span = {"startDate": timezone.localdate().isoformat(), "endDate": timezone.localdate().isoformat()}
    for _ in range(2):
        assert program.post(f"{BASE}:resendAsyncByDate", span)["Resend-Skipped"] == "1"
    assert Message.objects.count() == 1
