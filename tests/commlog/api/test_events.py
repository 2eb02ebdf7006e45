"""Events told by programs: taken all or none, each once, and answered with the messages that they made."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from commlog.models import AuditEntry
from notifications.models import BusinessEvent, Message
from notifications.states import MessageType
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_client, make_group, make_key, make_template, make_user

pytestmark = pytest.mark.django_db
EVENTS = "/api/events"


def _repaid(**fields: Any) -> dict[str, Any]:
    return {"event": "LOAN_REPAYMENT", "data": {"amount": "12.50"}} | fields


def test_an_event_makes_messages_and_the_answer_names_them(program: Program) -> None:
    ana = make_client(client_id="000123")
    make_template()
    make_template(active=False)
    answer = program.post(
        EVENTS,
        '{"event": "LOAN_REPAYMENT", "clientId": "000123", "data": {"amount": 12.50}, "occurredAt": '
        '"2026-11-24T09:14:00+01:00"}',
    )
    message, event = Message.objects.get(), BusinessEvent.objects.get()
    assert (answer.status_code, answer.json()) == (
        202,
        {"eventKey": event.key.hex, "messages": [message.key.hex]},
    )
    assert (message.client, message.subject, event.data) == (ana, "Payment of 12.50", {"AMOUNT": "12.50"})
    assert event.occurred_at.isoformat() == "2026-11-24T08:14:00+00:00"
    assert (event.source != "", AuditEntry.objects.count()) == (True, 0)
    trace = program.get(f"{EVENTS}/{event.key.hex}").json()
    assert [each.get("silence") for each in trace["templates"]] == [None, "INACTIVE"]
    assert program.get(f"{EVENTS}/{uuid4().hex}").status_code == 404


def test_a_client_is_named_by_id_or_key_and_so_are_groups_and_users(program: Program) -> None:
    ana, group, user = make_client(), make_group(), make_user()
    told = [
        _repaid(clientKey=ana.key.hex),
        _repaid(groupId=group.group_id),
        _repaid(username=user.username, userKey=None),
        _repaid(),
    ]
    assert program.post(EVENTS, told).status_code == 202
    found = BusinessEvent.objects.order_by("pk").values_list("client", "group", "user")
    assert list(found) == [
        (ana.pk, None, None),
        (None, group.pk, None),
        (None, None, user.pk),
        (None, None, None),
    ]


def test_an_amount_with_an_exponent_reaches_nobody_as_one(program: Program) -> None:
    make_template(MessageType.SMS, text="We received EUR {AMOUNT}.")
    make_template(MessageType.WEB_HOOK, text='{"amount": {AMOUNT}}')
    ana = make_client()
    assert (
        program.post(
            EVENTS,
            f'{{"event": "LOAN_REPAYMENT", "clientId": "{ana.client_id}", "data": {{"amount": 1E+3}}}}',
        ).status_code
        == 202
    )
    assert list(Message.objects.order_by("type").values_list("content", flat=True)) == [
        "We received EUR 1000.",
        '{"amount": 1000}',
    ]


def test_an_amount_beyond_reason_is_refused_and_named(program: Program) -> None:
    answer = program.post(EVENTS, '{"event": "LOAN_REPAYMENT", "data": {"amount": 1E+400}}')
    assert refusal(answer) == (
        400,
        4,
        "INVALID_PARAMETERS",
        "[0].data.AMOUNT: is a number of more than 350 characters",
    )


WRONG: tuple[tuple[Any, tuple[int, int, str, str]], ...] = (
    ([], (400, 4, "INVALID_PARAMETERS", "the body: has 0 events; 1 to 1,000 can be reported in one call")),
    ([_repaid()] * 1001, (400, 4, "INVALID_PARAMETERS", "the body: has 1,001 events; 1 to 1,000 can be"
                                                        " reported in one call")),
    ("[1]", (400, 4, "INVALID_PARAMETERS", "[0]: must be an object")),
    ({}, (400, 31, "MISSING_REQUIRED_PARAMETER", "[0].event: is missing")),
    ({"event": 1}, (400, 4, "INVALID_PARAMETERS", "[0].event: must be text")),
    ({"event": "PARTY"}, (400, 4, "INVALID_PARAMETERS", "[0].event: unknown event PARTY")),
    (_repaid(party=1), (400, 27, "PARAMETER_NOT_ALLOWED", "[0].party: is not a field of an event")),
    ([_repaid(), _repaid(clientId="zz")], (404, 29, "OBJECT_NOT_FOUND", "[1].clientId: there is no client "
                                                                        "zz")),
    (_repaid(clientKey="zz"), (400, 4, "INVALID_PARAMETERS", "[0].clientKey: must be a key of 32 hexadecimal "
                                                             "characters")),
    (_repaid(clientKey="0" * 32, clientId="1"), (400, 4, "INVALID_PARAMETERS", "[0]: names one of client, "
                                                                               "group and user twice")),
    (_repaid(data=[1]), (400, 4, "INVALID_PARAMETERS", "[0].data: must be an object")),
    (_repaid(data={"a": [1]}), (400, 4, "INVALID_PARAMETERS", "[0].data: contains a list at A; values "
                                                              "must be text, numbers, true or false")),
    (_repaid(occurredAt="2026-11-24"), (400, 4, "INVALID_PARAMETERS",
     "[0].occurredAt: must be a time with its offset such as 2026-11-24T09:14:00+01:00, from 1970 to 2199")),
    (_repaid(occurredAt="0001-01-01T00:00:00+14:00"), (400, 4, "INVALID_PARAMETERS",
     "[0].occurredAt: must be a time with its offset such as 2026-11-24T09:14:00+01:00, from 1970 to 2199")),
    ('{"event": "LOAN_REPAYMENT", "data": {"a": NaN}}',
     (400, 26, "INVALID_JSON_SYNTAX", "JSON: NaN is not JSON")),
)  # fmt: skip


@pytest.mark.parametrize(("body", "error"), WRONG)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    program: Program, body: Any, error: tuple[int, int, str, str]
) -> None:
    assert refusal(program.post(EVENTS, body)) == error
    assert BusinessEvent.objects.count() == 0


def test_telling_events_takes_the_permission(as_role: Callable[[str], Program]) -> None:
    assert refusal(as_role("Officer").post(EVENTS, _repaid()))[:3] == (403, 15, "INVALID_PERMISSIONS")
    assert as_role("Administrator").post(EVENTS, _repaid()).status_code == 202


def test_an_event_key_is_taken_once_and_for_that_event_only(program: Program) -> None:
    make_template()
    ana, key = make_client(), uuid4().hex
    first, second = (program.post(EVENTS, _repaid(clientId=ana.client_id, eventKey=key)) for _ in range(2))
    assert (first.json(), first.json()["eventKey"], Message.objects.count()) == (second.json(), key, 1)
    assert refusal(program.post(EVENTS, _repaid(eventKey=key))) == (
        409,
        100_002,
        "DUPLICATE_REQUEST",
        "eventKey: was used for another event before",
    )


@pytest.mark.parametrize("number", [1, 3, 15])
def test_many_events_cost_few_statements(program: Program, number: int) -> None:
    make_template(MessageType.SMS, in_use=True)
    ids = [make_client().client_id for _ in range(number)]
    program.post(EVENTS, _repaid(clientId=ids[0]))
    with CaptureQueriesContext(connection) as statements:
        answer = program.post(EVENTS, [_repaid(clientId=each) for each in ids])
    assert [len(each["messages"]) for each in answer.json()] == [1] * number
    asked = [statement["sql"] for statement in statements if "notifications_" in statement["sql"]]
    # clients, templates, choices, switches; events, messages (what authentication and budgets ask varies)
    assert len(asked) == 6


@pytest.mark.django_db(transaction=True)
def test_an_event_with_one_idempotency_key_posted_fifty_times_at_once_fires_once() -> None:
    make_template()
    body = _repaid(clientId=make_client().client_id)
    secret, once = make_key(), str(uuid4())

    def post(_: int) -> tuple[int, Any]:
        try:
            answer = Program(secret).post(EVENTS, body, Idempotency_Key=once)
            return answer.status_code, answer.json() if answer.status_code == 202 else None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(post, range(50)))
    message = Message.objects.get()
    taken = {"eventKey": BusinessEvent.objects.get().key.hex, "messages": [message.key.hex]}
    # 409: another of the fifty was being answered at that moment
    assert {status for status, _ in answers} <= {202, 409}
    assert next(told for status, told in answers if status == 202) == taken
    assert all(told == taken for status, told in answers if status == 202)
    assert post(0) == (202, taken)
