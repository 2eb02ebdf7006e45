"""Idempotency-Key: the same answer, once; what is not remembered; fifty at once; a process that dies in the
middle.
"""

import json
import os
import subprocess
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from django_q.models import Schedule

from commlog.api import idempotency
from commlog.models import ApiAnswer, ApiConsumer
from notifications.models import Message
from notifications.secrets.sealed import is_sealed, opened
from notifications.states import MessageState
from tests.commlog.api.conftest import Program, refusal
from tests.factories import PASSWORD, make_key, make_message, officer

SEND = "/api/communications/messages"
EMAIL = {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana", "destination": "ana@example.org"}


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    settings.EMAIL_HOST = "127.0.0.1"


@pytest.mark.django_db
def test_the_same_key_and_body_get_the_same_answer_once(program: Program) -> None:
    first = program.post(SEND, EMAIL, Idempotency_Key="a-1")
    again = program.post("/communications/messages", EMAIL, Idempotency_Key="a-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"]
    assert Message.objects.count() == 1
    assert program.post(SEND, EMAIL, Idempotency_Key="a-2").json()["encodedKey"] != first.json()["encodedKey"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("operation", "status"), [("resend", 202), ("resendAsyncByKeys", 200), ("resendAsyncByDate", 200)]
)
def test_a_resend_is_answered_again_as_it_was(program: Program, operation: str, status: int) -> None:
    failed = make_message(MessageState.FAILED)
    today = timezone.localdate().isoformat()
    body = {"startDate": today, "endDate": today} if operation.endswith("Date") else [failed.key.hex]
    for _ in range(2):
        response = program.post(f"{SEND}:{operation}", body, Idempotency_Key="r-1")
        assert (response.status_code, response.content, response["Resend-Skipped"]) == (status, b"", "0")
    assert program.post(f"{SEND}:{operation}", body)["Resend-Skipped"] == "1"
    assert Message.objects.count() == 2


@pytest.mark.django_db
def test_another_body_or_operation_with_the_key_is_a_conflict(program: Program) -> None:
    failed = make_message(MessageState.FAILED).key.hex
    program.post(f"{SEND}:resend", [failed], Idempotency_Key="k")
    for path, body in (
        (f"{SEND}:resend", {"messages": [failed]}),
        (f"{SEND}:resendAsyncByKeys", [failed]),
        (SEND, EMAIL),
    ):
        expected = (409, 100_002, "DUPLICATE_REQUEST", "Idempotency-Key: was used for another request")
        assert refusal(program.post(path, body, Idempotency_Key="k")) == expected
    assert Message.objects.count() == 2


@pytest.mark.django_db
def test_keys_of_two_callers_have_nothing_to_do_with_each_other(program: Program) -> None:
    officer(username="ada", api_access=True)
    basic = "Basic " + b64encode(f"ada:{PASSWORD}".encode()).decode()
    user = program.client.post(
        SEND, EMAIL, content_type="application/json", headers={"Authorization": basic, "Idempotency-Key": "k"}
    )
    statuses = [
        user.status_code,
        *(each.post(SEND, EMAIL, Idempotency_Key="k").status_code for each in (program, Program(make_key()))),
    ]
    assert statuses == [201, 201, 201]
    assert Message.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["a", "a b", "~" * 255])
def test_a_key_that_can_be_one(program: Program, key: str) -> None:
    assert program.post(SEND, EMAIL, Idempotency_Key=key).status_code == 201


@pytest.mark.django_db
def test_two_keys_of_one_consumer_are_one_caller(program: Program) -> None:
    other = Program(make_key(ApiConsumer.objects.get()))
    assert (
        program.post(SEND, EMAIL, Idempotency_Key="k").content
        == other.post(SEND, EMAIL, Idempotency_Key="k").content
    )


@pytest.mark.django_db
def test_what_is_refused_is_not_remembered(program: Program) -> None:
    for body, status in (
        (EMAIL | {"body": ""}, 400),
        (EMAIL | {"clientKey": uuid4().hex}, 404),
        (EMAIL, 201),
    ):
        assert program.post(SEND, body, Idempotency_Key="k").status_code == status
    assert (Message.objects.count(), ApiAnswer.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_answers_are_remembered_for_six_hours(program: Program) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        first = program.post(SEND, EMAIL, Idempotency_Key="k").content
        clock.shift(6 * 3600 - 1)
        assert program.post(SEND, EMAIL, Idempotency_Key="k").content == first
        clock.shift(2)
        assert program.post(SEND, EMAIL | {"subject": "Another"}, Idempotency_Key="k").status_code == 201
    assert Message.objects.count() == 2


TEMPLATE = {
    "name": "Repaid",
    "type": "WEB_HOOK",
    "target": "LOANS",
    "event": "LOAN_REPAYMENT",
    "body": "{}",
    "requestType": "POST",
}
TEMPLATE |= {"url": "https://hooks.example.org/", "contentType": "APPLICATION_JSON"}


@pytest.mark.django_db
def test_a_signing_secret_is_answered_again_and_is_stored_sealed_only(program: Program) -> None:
    first, again = (program.post("/api/templates", TEMPLATE, Idempotency_Key="t") for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    kept = ApiAnswer.objects.get()
    assert is_sealed(kept.body)
    assert opened(kept.body) == first.text
    assert first.json()["signingSecret"].startswith("whsec_")
    assert [row for row in _dump() if first.json()["signingSecret"] in row] == []


def _dump() -> list[str]:
    """Every row of the database, as a dump holds it."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [str(row) for row in cursor.fetchall()]
    return found


@pytest.mark.django_db
def test_the_sweep_forgets_what_has_expired_and_seals_what_was_stored_readable(
    program: Program, monkeypatch: Any
) -> None:
    monkeypatch.setattr(idempotency, "_BATCH", 2)
    start = timezone.now()
    with time_machine.travel(start - timedelta(hours=6, seconds=1)):
        for number in range(5):
            program.post(SEND, EMAIL, Idempotency_Key=f"old-{number}")
    first = program.post("/api/templates", TEMPLATE, Idempotency_Key="t")
    for number in range(3):
        program.post(
            f"{SEND}:resend", [make_message(MessageState.FAILED).key.hex], Idempotency_Key=f"no-body-{number}"
        )
    with connection.cursor() as cursor:  # as versions before this one have stored it
        cursor.execute("UPDATE commlog_apianswer SET body = %s WHERE key = 't'", [first.text])
    assert program.post("/api/templates", TEMPLATE, Idempotency_Key="t").content == first.content
    assert idempotency.sweep() == 6
    assert ApiAnswer.objects.count() == 4
    assert opened(ApiAnswer.objects.exclude(body="").get().body) == first.text
    assert program.post("/api/templates", TEMPLATE, Idempotency_Key="t").content == first.content
    assert idempotency.sweep() == 0


@pytest.mark.django_db
def test_the_cluster_sweeps_every_ten_minutes() -> None:
    schedule = Schedule.objects.get(func="commlog.api.idempotency.sweep")
    assert (schedule.schedule_type, schedule.minutes) == (Schedule.MINUTES, 10)


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", " a", "x" * 256, "é", "a\tb"])
def test_a_key_that_cannot_be_one(program: Program, key: str) -> None:
    assert refusal(program.post(SEND, EMAIL, Idempotency_Key=key))[:2] == (400, 4)


@pytest.mark.django_db
def test_one_that_is_being_answered_is_a_conflict_until_its_lease_lapses(program: Program) -> None:
    program.post(SEND, EMAIL, Idempotency_Key="k")
    Message.objects.all().delete()
    # As the row is while the first call is at work.
    ApiAnswer.objects.update(status=None, body="", headers={})
    under_way = program.post(SEND, EMAIL, Idempotency_Key="k")
    assert refusal(under_way)[:3] == (409, 100_002, "DUPLICATE_REQUEST")
    assert under_way["Retry-After"] == "1"
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert program.post(SEND, EMAIL, Idempotency_Key="k").status_code == 201
    assert Message.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_make_one_message() -> None:
    key = make_key()

    def send(_: int) -> tuple[int, bytes]:
        try:
            response = Program(key).post(SEND, EMAIL, Idempotency_Key="k")
            return response.status_code, response.content if response.status_code == 201 else b""
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as threads:
        answers = set(threads.map(send, range(50)))
    assert Message.objects.count() == 1
    assert {status for status, _ in answers} <= {201, 409}
    (made,) = [content for status, content in answers if status == 201]
    assert Program(key).post(SEND, EMAIL, Idempotency_Key="k").content == made


_DIES = """
import os, sys
import django
django.setup()
from django.test import Client
from commlog.api import sending
stored = sending.store
def store(*args):
    stored(*args)
    os._exit(9)  # after the message was written, before anything was committed
sending.store = store
headers = {"apiKey": sys.argv[3], "Idempotency-Key": "k"}
browser = Client(SERVER_NAME="127.0.0.1")
browser.post(sys.argv[1], sys.argv[2], content_type="application/json", headers=headers)
"""


@pytest.mark.django_db(transaction=True)
def test_a_process_that_dies_in_the_middle_leaves_no_message_and_the_next_call_makes_one() -> None:
    program = Program(make_key())
    url = f"sqlite:///{connection.settings_dict['NAME']}"
    if connection.vendor == "postgresql":
        url = "postgres://{USER}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "commlog.settings",
        "EMAIL_URL": "smtp://127.0.0.1:25",
    }
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", _DIES, SEND, json.dumps(EMAIL), program.key]
    assert subprocess.run(command, cwd=root, env=environment, timeout=60).returncode == 9
    assert (Message.objects.count(), ApiAnswer.objects.get().status) == (0, None)
    assert program.post(SEND, EMAIL, Idempotency_Key="k").status_code == 409
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        answers = [program.post(SEND, EMAIL, Idempotency_Key="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert (Message.objects.count(), answers[0].content) == (1, answers[1].content)
