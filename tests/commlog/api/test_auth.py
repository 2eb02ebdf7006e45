"""Who may call: keys, Basic, Bearer; what closes a key; the lock; the limits; what the audit trail keeps."""

from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from commlog.models import ApiConsumer, ApiKey, AuditEntry, Tally, User
from commlog.models.api import digest_of
from notifications.process import this_process
from tests.commlog.api.conftest import Program, refusal
from tests.factories import PASSWORD, admin, make_consumer, make_key, officer

pytestmark = pytest.mark.django_db
PATH = "/api/branches"
HERE, THERE = "192.0.2.1", "192.0.2.2"


def _basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def test_a_key_in_either_header_and_in_any_case_opens_the_api(client: Client) -> None:
    key = make_key()
    for headers in (
        {"apiKey": key},
        {"APIKEY": key.upper()},
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer {key}"},
    ):
        response = client.get(PATH, headers=headers)
        assert (response.status_code, response.json()) == (200, [])


def test_only_the_hash_of_a_key_is_stored() -> None:
    key = make_key()
    stored = ApiKey.objects.values().get()
    assert key not in str(stored)
    assert (stored["digest"], stored["prefix"]) == (digest_of(key), key[:8])


def test_a_user_with_api_access_uses_name_and_password(client: Client) -> None:
    officer(username="ada", api_access=True)
    assert client.get(PATH, headers={"Authorization": _basic("ada", PASSWORD)}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {},
            (401, 2, "INVALID_CREDENTIALS", "send the header apiKey, or HTTP Basic or Bearer authorization"),
        ),
        ({"apiKey": ""}, (401, 2, "INVALID_CREDENTIALS", "unknown API key")),
        ({"apiKey": "x" * 5_000}, (401, 2, "INVALID_CREDENTIALS", "unknown API key")),
        ({"Authorization": "Bearer é\x80"}, (401, 2, "INVALID_CREDENTIALS", "unknown API key")),
        (
            {"Authorization": "Basic"},
            (401, 2, "INVALID_CREDENTIALS", "send the header apiKey, or HTTP Basic or Bearer authorization"),
        ),
        (
            {"Authorization": "Basic %%%"},
            (401, 1, "INVALID_BASIC_AUTHORIZATION", "Authorization: Basic must be base64 of name:password"),
        ),
        (
            {"Authorization": _basic("ada", "wrong")},
            (401, 2, "INVALID_CREDENTIALS", "the user name or the password is wrong"),
        ),
        (
            {"Authorization": _basic("a\0a", PASSWORD)},
            (401, 2, "INVALID_CREDENTIALS", "the user name or the password is wrong"),
        ),
        (
            {"Authorization": _basic("bo", PASSWORD)},
            (403, 18, "NO_API_ACCESS", "this user may not use the API"),
        ),
        (
            {"Authorization": _basic("gone", PASSWORD)},
            (401, 2, "INVALID_CREDENTIALS", "the user name or the password is wrong"),
        ),
    ],
)
def test_who_is_refused(client: Client, headers: dict[str, str], expected: Any) -> None:
    officer(username="ada", api_access=True)
    officer(username="bo")
    officer(username="gone", api_access=True, is_active=False)
    response = client.get(PATH, headers=headers)
    assert refusal(response) == expected
    assert ("WWW-Authenticate" in response) == (expected[0] == 401)


@pytest.mark.parametrize(
    ("headers", "offered"),
    [
        ({}, 'Basic realm="Commlog", charset="UTF-8", Bearer realm="Commlog"'),
        (
            {"User-Agent": "Java-http-client/21.0.5"},
            'Basic realm="Commlog", charset="UTF-8", Bearer realm="Commlog"',
        ),
        ({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}, 'Bearer realm="Commlog"'),
        ({"Sec-Fetch-Mode": "cors"}, 'Bearer realm="Commlog"'),
    ],
)
def test_a_password_is_asked_of_whoever_is_no_browser(headers: dict[str, str], offered: str) -> None:
    for given in ({}, {"apiKey": "wrong"}):
        assert (
            Client().post(
                "/api/communications/messages:search", [], "application/json", headers=headers | given
            )["WWW-Authenticate"]
            == offered
        )


def test_a_session_opens_nothing_and_is_no_csrf_failure() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin())
    assert refusal(browser.get(PATH))[0] == 401
    assert refusal(browser.post("/api/communications/messages:search", [], content_type="application/json"))[
        0
    ] in (401, 404)


def test_what_closes_a_key(client: Client) -> None:
    now = timezone.now()
    closed = "this API key was revoked or has expired"
    for fields in ({"revoked_at": now}, {"expires_at": now}):
        assert refusal(client.get(PATH, headers={"apiKey": make_key(**fields)})) == (
            401,
            2,
            "INVALID_CREDENTIALS",
            closed,
        )
    assert (
        client.get(PATH, headers={"apiKey": make_key(expires_at=now + timedelta(minutes=1))}).status_code
        == 200
    )
    inactive = make_key(make_consumer(active=False))
    assert refusal(client.get(PATH, headers={"apiKey": inactive})) == (
        403,
        18,
        "NO_API_ACCESS",
        "this API consumer was deactivated",
    )


def test_the_last_use_is_written_once_a_minute(program: Program) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for seconds, known in ((0, 0), (50, 0), (15, 65)):
            clock.shift(seconds)
            program.get(PATH)
            assert ApiKey.objects.get().last_used_at == start + timedelta(seconds=known)


def test_five_wrong_passwords_lock_the_sign_in_here_and_there(client: Client) -> None:
    officer(username="ada", api_access=True)
    statuses = [
        client.get(PATH, headers={"Authorization": _basic("ada", "wrong")}).status_code for _ in range(5)
    ]
    assert statuses == [401, 401, 401, 401, 429]
    locked = client.get(PATH, headers={"Authorization": _basic("ada", PASSWORD)})
    assert refusal(locked) == (429, 24, "EXCESSIVE_INVALID_REQUESTS", "locked after too many wrong passwords")
    assert locked["Retry-After"] == "900"
    assert client.post("/sign-in/", {"username": "ada", "password": PASSWORD}).status_code == 429


def _call(password: str = PASSWORD, address: str = HERE) -> Any:
    return Client(REMOTE_ADDR=address).get(PATH, headers={"Authorization": _basic("ada", password)})


def test_a_right_password_is_remembered_for_a_minute(settings: Any) -> None:
    officer(username="ada", api_access=True)
    with time_machine.travel("2026-03-02T08:00:00Z", tick=False) as clock:
        assert _call().status_code == 200
        settings.PASSWORD_CHECKS_AT_ONCE = 0  # none can be hashed from here on
        clock.shift(59)
        assert [_call().status_code, _call(address=THERE).status_code] == [200, 200]
        assert [_call("wrong").status_code, _call(PASSWORD[:-1]).status_code, _call("").status_code] == [
            429,
            429,
            429,
        ]
        clock.shift(1)
        refused = _call()
        said = "too many passwords are being checked; one of each address at a time"
        assert refusal(refused) == (429, 100_001, "TOO_MANY_CONCURRENT_REQUESTS", said)
        assert refused["Retry-After"] == "1"


def test_another_process_remembers_nothing(settings: Any) -> None:
    officer(username="ada", api_access=True)
    assert _call().status_code == 200
    this_process.forget()
    settings.PASSWORD_CHECKS_AT_ONCE = 0
    assert _call().status_code == 429


def test_deactivation_and_a_new_password_count_from_the_next_call_on() -> None:
    ada = officer(username="ada", api_access=True)
    assert _call().status_code == 200
    User.objects.filter(pk=ada.pk).update(api_access=False)
    assert _call().status_code == 403
    User.objects.filter(pk=ada.pk).update(api_access=True, is_active=False)
    assert _call().status_code == 401
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert _call().status_code == 200
    ada.set_password("three quiet green rivers")
    ada.save()
    assert [_call().status_code, _call("three quiet green rivers").status_code] == [401, 200]


def test_a_lock_refuses_a_remembered_password_too() -> None:
    officer(username="ada", api_access=True)
    assert [_call().status_code, *(_call("wrong").status_code for _ in range(5))] == [
        200,
        401,
        401,
        401,
        401,
        429,
    ]
    assert _call().status_code == 429  # or its answers would tell whoever guesses which password is right
    assert _call(address=THERE).status_code == 200


def test_a_key_needs_no_slot(settings: Any, program: Program) -> None:
    settings.PASSWORD_CHECKS_AT_ONCE = 0
    assert program.get(PATH).status_code == 200


def test_more_calls_than_allowed_wait_for_the_next_minute(settings: Any, program: Program) -> None:
    settings.API_CALLS_A_MINUTE, settings.API_CALLS_A_MINUTE_IN_ALL = 3, 4
    other = Program(make_key())
    with time_machine.travel(1_800_000_015, tick=False) as clock:
        assert [program.get(PATH).status_code for _ in range(3)] == [200, 200, 200]
        refused = program.get(PATH)
        assert refusal(refused)[:2] == (429, 100_001)
        assert refusal(refused)[3] == "more than 3 calls a minute of this caller; wait 45 seconds"
        assert refused["Retry-After"] == "45"
        assert other.get(PATH).status_code == 200
        assert "in all" in refusal(other.get(PATH))[3]
        clock.shift(45)
        assert program.get(PATH).status_code == 200


def test_forty_processes_share_a_limit_of_forty(settings: Any, program: Program) -> None:
    settings.API_CALLS_A_MINUTE, settings.API_CALLS_A_MINUTE_IN_ALL = 40, 0
    statuses = []
    with time_machine.travel(1_800_000_015, tick=False):
        for _ in range(41):
            this_process.forget()  # another process, which knows of the others by the database alone
            statuses.append(program.get(PATH).status_code)
    assert statuses == [200] * 40 + [429]


@pytest.mark.django_db(transaction=True)
def test_threads_that_come_at_once_fetch_one_lot(settings: Any) -> None:
    settings.API_CALLS_A_MINUTE, settings.API_CALLS_A_MINUTE_IN_ALL = 40, 0
    program, together = Program(make_key()), Barrier(20)

    def get(_: int) -> int:
        together.wait()
        try:
            return int(Program(program.key).get(PATH).status_code)
        finally:
            connection.close()

    with time_machine.travel(1_800_000_015, tick=False), ThreadPoolExecutor(20) as threads:
        assert list(threads.map(get, range(20))) == [200] * 20
    assert Tally.objects.get().used <= 22


def test_denied_calls_are_in_the_audit_trail(client: Client) -> None:
    consumer = make_consumer("Extractor")
    client.get(PATH, headers={"apiKey": make_key(consumer, revoked_at=timezone.now())})
    client.get(PATH, headers={"apiKey": "no such key"})
    named = [
        (entry.actor_name, entry.target_kind, entry.target_label)
        for entry in AuditEntry.objects.filter(action="DENIED").order_by("id")
    ]
    assert named == [("Extractor (API)", "API", PATH), ("", "API", PATH)]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nope",
        "/api/communications/messages/",
        "/communications/messages/x/y",
        "/api/branches/",
    ],
)
def test_an_address_of_nothing_is_answered_in_the_one_shape(program: Program, path: str) -> None:
    assert refusal(program.get(path)) == (
        404,
        3,
        "INVALID_API_OPERATION",
        "there is no operation at this address",
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "QUERY"])
def test_a_wrong_method_says_which_are_right(program: Program, method: str) -> None:
    response = program.client.generic(method, PATH, headers={"apiKey": program.key})
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
    assert refusal(response)[1:3] == (5, "METHOD_NOT_IMPLEMENTED")


def test_the_organisation(program: Program, settings: Any) -> None:
    settings.ORGANISATION_NAME, settings.TIME_ZONE = "Example Bank", "Europe/Berlin"
    assert program.get("/api/setup/organization").json() == {
        "name": "Example Bank",
        "timeZoneID": "Europe/Berlin",
    }


def test_the_command_prints_a_key_that_works(capsys: Any, as_role: Callable[[str], Program]) -> None:
    call_command("create_api_key", "--consumer", "Extractor", "--role", "Viewer", "--days", "30")
    key = capsys.readouterr().out.strip()
    assert Program(key).get(PATH).status_code == 200
    consumer = ApiConsumer.objects.get()
    assert (consumer.name, [role.name for role in consumer.roles.all()]) == ("Extractor", ["Viewer"])
    left = ApiKey.objects.get().expires_at - timezone.now()  # type: ignore[operator]
    assert timedelta(days=29) < left < timedelta(days=31)
    call_command("create_api_key", "--consumer", "Extractor")
    assert (ApiConsumer.objects.count(), ApiKey.objects.count()) == (1, 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--consumer", "X"], "Add a --role"),
        (["--consumer", "X", "--role", "Boss"], "Role Boss not found. Roles: Administrator, Officer, Viewer"),
        (["--consumer", " "], "1 to 150 characters"),
        (["--consumer", "X", "--role", "Viewer", "--days", "0"], "from 1 to 36500"),
    ],
)
def test_a_key_that_cannot_be(options: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("create_api_key", *options)
    assert ApiConsumer.objects.count() == 0
