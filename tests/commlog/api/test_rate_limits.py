"""How many messages the API takes a minute, and the headers that say what is left of a limit."""

from typing import Any

import pytest
import time_machine

from notifications.models import Message
from notifications.process import this_process
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_key

pytestmark = pytest.mark.django_db
SEND, PATH = "/api/communications/messages", "/api/branches"
EMAIL = {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana", "destination": "ana@example.org"}
AT = 1_800_000_015  # a quarter of a minute past


@pytest.fixture(autouse=True)
def _limits(settings: Any) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    settings.API_CALLS_A_MINUTE, settings.API_CALLS_A_MINUTE_IN_ALL = 100, 0
    settings.API_MESSAGES_A_MINUTE, settings.API_MESSAGES_A_MINUTE_IN_ALL = 10, 12


def _send(program: Program, count: int, query: str = "", **headers: str) -> Any:
    return program.post(SEND + query, [EMAIL] * count if count > 1 else EMAIL, **headers)


def test_messages_are_counted_of_a_key_and_in_all(program: Program) -> None:
    other = Program(make_key())
    with time_machine.travel(AT, tick=False) as clock:
        assert _send(program, 6).status_code == 201
        refused = _send(program, 5)
        source = "more than 10 messages a minute of this caller; wait 45 seconds"
        assert refusal(refused) == (429, 100_001, "TOO_MANY_CONCURRENT_REQUESTS", source)
        assert refused["Retry-After"] == "45"
        assert Message.objects.count() == 6
        assert [_send(program, count).status_code for count in (3, 1, 1)] == [201, 201, 429]
        assert refusal(_send(other, 3))[3] == "more than 12 messages a minute in all; wait 45 seconds"
        assert _send(other, 2).status_code == 201
        clock.shift(45)
        assert _send(program, 10).status_code == 201
    assert Message.objects.count() == 22


def test_processes_share_the_limit(program: Program) -> None:
    statuses = []
    with time_machine.travel(AT, tick=False):
        for _ in range(6):
            this_process.forget()  # another process, which knows of the others by the database alone
            statuses.append(_send(program, 2).status_code)
    assert statuses == [201] * 5 + [429]
    assert Message.objects.count() == 10


def test_a_list_longer_than_the_limit_is_told_so(program: Program) -> None:
    said = "the body: has 11 messages, more than the 10 a minute of this caller; send fewer at once"
    assert refusal(_send(program, 11))[::3] == (400, said)


def test_what_is_refused_or_repeated_is_not_counted(program: Program) -> None:
    with time_machine.travel(AT, tick=False):
        for _ in range(3):
            assert _send(program, 5, Idempotency_Key="k").status_code == 201
        assert program.post(SEND, [EMAIL, 5]).status_code == 400
        assert program.post(f"{SEND}?partial=true", [EMAIL, *[5] * 20]).status_code == 207
        refused = _send(program, 5, Idempotency_Key="another")
        assert refused.status_code == 429
        # What is refused is not remembered.
        assert _send(program, 4, Idempotency_Key="another").status_code == 201


def test_answers_say_what_is_left(program: Program) -> None:
    policy = '"calls";q=100;w=60, "messages";q=10;w=60;qu="messages"'
    with time_machine.travel(AT, tick=False):
        for response, left in (
            (program.get(PATH), '"calls";r=99;t=45'),
            (program.get("/api/communications/messages/nope"), '"calls";r=98;t=45'),
            (_send(program, 4), '"calls";r=97;t=45, "messages";r=6;t=45'),
            (program.post(SEND, {}), '"calls";r=96;t=45, "messages";r=6;t=45'),
            (_send(program, 7), '"calls";r=95;t=45, "messages";r=6;t=45'),
        ):
            assert (response["RateLimit-Policy"], response["RateLimit"]) == (policy, left)


def test_a_call_too_many_is_told_the_limit_too(program: Program, settings: Any) -> None:
    settings.API_CALLS_A_MINUTE = 1
    settings.API_MESSAGES_A_MINUTE = settings.API_MESSAGES_A_MINUTE_IN_ALL = 0
    with time_machine.travel(AT, tick=False):
        program.get(PATH)
        refused = program.get(PATH)
    assert (refused.status_code, refused["RateLimit-Policy"], refused["RateLimit"]) == (
        429,
        '"calls";q=1;w=60',
        '"calls";r=0;t=45',
    )


def test_the_nearer_limit_is_told(program: Program, settings: Any) -> None:
    settings.API_CALLS_A_MINUTE_IN_ALL = 3
    other = Program(make_key())
    with time_machine.travel(AT, tick=False):
        program.get(PATH)
        response = other.get(PATH)
    assert response["RateLimit"] == '"calls";r=1;t=45'


def test_who_has_no_limit_is_told_of_none(program: Program, settings: Any) -> None:
    settings.API_CALLS_A_MINUTE = settings.API_MESSAGES_A_MINUTE = settings.API_MESSAGES_A_MINUTE_IN_ALL = 0
    assert "RateLimit-Policy" not in program.get(PATH)
    assert "RateLimit" not in Program("no key").get(PATH)
