"""What is refused before a password is hashed, what is counted, who is told; and that what was typed is
stored nowhere.
"""

import logging
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.utils import timezone

from commlog import counts
from commlog.account import slots
from commlog.kit import origins
from commlog.models import AuditEntry, Tally, User, WrongPassword
from notifications.models import Message
from tests.factories import PASSWORD, viewer

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
HERE, THERE = "192.0.2.1", "192.0.2.2"
MINUTE = 60
hashed: list[str] = []


class Noted(MD5PasswordHasher):
    """Remembers what it has hashed."""

    algorithm = "noted"

    def encode(self, password: str, salt: str) -> str:
        """The hash."""
        hashed.append(password)
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def _noted(settings: Any) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.Noted"]
    settings.PASSWORD_CHECKS_AT_ONCE = 2


@pytest.fixture
def vera() -> User:
    made = viewer(username="vera")
    hashed.clear()
    return made


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-03-02T08:00:30Z", tick=False) as traveller:
        yield traveller


def _post(name: str = "vera", password: str = "wrong", address: str = HERE) -> Any:
    return Client(REMOTE_ADDR=address).post("/sign-in/", {"username": name, "password": password})


def _statuses(times: int, **tried: str) -> list[int]:
    return [_post(**tried).status_code for _ in range(times)]


def test_with_the_slots_held_a_sign_in_is_answered_at_once(vera: User) -> None:
    with slots.slot("198.51.100.1"), slots.slot("198.51.100.2"):
        response = _post(password=PASSWORD)
    assert (response.status_code, response["Retry-After"]) == (429, "1")
    assert (
        "Too many people are signing in at the moment. Your password was not checked. Try again."
        in response.text
    )
    assert 'value="vera"' in response.text
    assert PASSWORD not in response.text
    assert hashed == []
    assert (WrongPassword.objects.count(), AuditEntry.objects.count()) == (0, 0)
    assert _post(password=PASSWORD).status_code == 302


def test_a_flood_gets_a_plain_page(vera: User) -> None:
    with slots.slot("198.51.100.1"), slots.slot("198.51.100.2"):
        pages = [_post(password=PASSWORD) for _ in range(40)]
    assert {(page.status_code, page["Retry-After"]) for page in pages} == {(429, "1")}
    assert all("Your password was not checked." in page.text for page in pages)
    assert ['name="password"' in pages[0].text, 'name="password"' in pages[-1].text] == [True, False]
    assert '<a href="/sign-in/">Back to the sign-in page</a>' in pages[-1].text


@pytest.mark.parametrize(("address", "status"), [(HERE, 429), (THERE, 302), ("2001:db8:0:1::9", 302)])
def test_one_address_holds_one_slot(vera: User, address: str, status: int) -> None:
    with slots.slot(origins.network_of(HERE)):
        assert _post(password=PASSWORD, address=address).status_code == status


def test_a_64_of_ipv6_holds_one_slot(vera: User) -> None:
    with slots.slot(origins.network_of("2001:db8:0:1::1")):
        assert _post(password=PASSWORD, address="2001:db8:0:1:ffff::2").status_code == 429


@pytest.mark.parametrize("name", ["vera", "nobody"])
def test_five_wrong_passwords_lock_a_name_from_one_address(vera: User, name: str) -> None:
    assert _statuses(5, name=name) == [200, 200, 200, 200, 429]
    assert len(hashed) == 5  # of a name that does not exist too: its answer takes as long
    locked = _post(name=name, password=PASSWORD)
    assert (locked.status_code, len(hashed)) == (429, 5)
    assert "Sign-in is temporarily locked" in locked.text
    assert "Wait 15 minutes." in locked.text
    assert 890 <= int(locked["Retry-After"]) <= 900
    assert _post(name=name, address=THERE).status_code == 200


@pytest.mark.parametrize("name", ["VERA", " vera ", "ｖｅｒａ"])
def test_another_spelling_of_a_name_is_counted_with_it(vera: User, name: str) -> None:
    _statuses(4)
    assert _post(name=name).status_code == 429


def test_the_addresses_of_one_64_count_as_one(vera: User) -> None:
    tried = [_post(address=f"2001:db8:0:1::{number}").status_code for number in range(8)]
    assert tried == [200, 200, 200, 200, 429, 429, 429, 429]
    assert _post(address="2001:db8:0:2::1").status_code == 200


def test_an_address_is_locked_over_all_names(vera: User) -> None:
    tried = [_post(name=f"user{number}").status_code for number in range(60)]
    assert tried == [200] * 59 + [429]
    assert _post(password=PASSWORD).status_code == 429
    assert len(hashed) == 60
    assert _post(password=PASSWORD, address=THERE).status_code == 302
    # Its share of this minute's entries is used up.
    assert AuditEntry.objects.filter(action="SIGN_IN_LOCKED").count() == 0


def test_an_office_that_signs_in_correctly_is_never_locked() -> None:
    people = [viewer(username=f"clerk{number}") for number in range(25)]
    for _ in range(3):
        assert [_post(name=person.username, password=PASSWORD).status_code for person in people] == [302] * 25
    _statuses(4, name="clerk1")
    assert _post(name="clerk1", password=PASSWORD).status_code == 302
    # The right one has ended the count of that name from there.
    assert _statuses(4, name="clerk1") == [200] * 4


def test_the_right_password_ends_no_other_count(vera: User) -> None:
    viewer(username="ada")
    _statuses(4, name="ada")
    _statuses(4, address=THERE)
    _post(password=PASSWORD)
    assert (_post(name="ada").status_code, _post(address=THERE).status_code) == (429, 429)


def test_the_lock_ends_as_its_wrong_passwords_grow_old(vera: User, clock: time_machine.Traveller) -> None:
    for _ in range(5):
        _post()
        clock.shift(2 * MINUTE)
    assert _post()["Retry-After"] == str(5 * MINUTE)
    clock.shift(5 * MINUTE - 1)
    assert _post(password=PASSWORD).status_code == 429
    clock.shift(1)
    assert _post().status_code == 429  # a fifth one within these fifteen minutes
    clock.shift(2 * MINUTE)
    assert _post(password=PASSWORD).status_code == 302


def test_a_password_in_the_wrong_box_is_stored_nowhere(vera: User, caplog: pytest.LogCaptureFixture) -> None:
    typed = "hunter2 my secret"
    with caplog.at_level(logging.DEBUG):
        for _ in range(7):
            _post(name=typed, password="vera")
    assert WrongPassword.objects.count() == 5
    for model in apps.get_models(include_auto_created=True):
        assert "hunter2" not in str(list(model._base_manager.values())), model
    assert "hunter2" not in caplog.text


def test_a_row_is_as_large_however_often_it_was_tried(vera: User) -> None:
    _statuses(20)
    assert Tally.objects.filter(name__startswith="within:").count() <= 3
    assert {len(str(row)) for row in WrongPassword.objects.values_list("name", "network")} == {
        len(str(("0" * 64, HERE)))
    }


def test_what_is_counted_is_swept_by_time(vera: User, clock: time_machine.Traveller) -> None:
    _post()
    clock.shift(23 * 60 * MINUTE)
    counts.sweep()
    assert (WrongPassword.objects.count(), Tally.objects.count()) == (1, 1)
    clock.shift(2 * 60 * MINUTE)
    counts.sweep()
    assert (WrongPassword.objects.count(), Tally.objects.count()) == (0, 0)


def test_many_wrong_passwords_for_one_account_are_told_once_and_lock_nobody(
    vera: User, settings: Any
) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    for number in range(30):
        assert _post(address=f"198.51.100.{number}").status_code == 200
    entry = AuditEntry.objects.get(action="SIGN_IN_ALARM")
    assert entry.target_label == "Vera Viewer (vera)"
    assert entry.after == {"wrong passwords": 20, "addresses": 20, "within minutes": 60}
    mail = Message.objects.get()
    assert (mail.destination, mail.subject) == ("operations@example.org", "Many wrong passwords for vera")
    assert "from 20 addresses" in mail.content
    assert _post(password=PASSWORD).status_code == 302


def test_a_name_that_does_not_exist_is_no_alarm(settings: Any) -> None:
    settings.ALERT_EMAIL, settings.SIGN_IN_ALARM = "operations@example.org", 3
    for number in range(5):
        _post(name="nobody", address=f"198.51.100.{number}")
    assert (Message.objects.count(), AuditEntry.objects.filter(action="SIGN_IN_ALARM").count()) == (0, 0)


def test_the_present_password_is_counted_with_the_sign_in(vera: User) -> None:
    pages = Client(REMOTE_ADDR=HERE)
    pages.force_login(vera)
    new = {"password": "three quiet green rivers", "again": "three quiet green rivers"}
    _statuses(3)
    answers = [pages.post("/account/password/", new | {"present": "wrong"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert 890 <= int(answers[1]["Retry-After"]) <= 900
    assert (
        "Too many wrong passwords. Wait 15 minutes."
        in pages.post("/account/password/", new | {"present": PASSWORD}).text
    )
    assert _post(password=PASSWORD).status_code == 429
    noted = [
        (entry.actor_name, entry.target_label, entry.address)
        for entry in AuditEntry.objects.filter(action="PASSWORD_WRONG")
    ]
    assert noted == [("Vera Viewer", "Vera Viewer (vera)", HERE)] * 2
    with slots.slot(THERE):
        busy = Client(REMOTE_ADDR=THERE)
        busy.force_login(vera)
        assert busy.post("/account/password/", new | {"present": PASSWORD}).status_code == 429
    vera.refresh_from_db()
    assert vera.check_password(PASSWORD)


def test_passwords_are_asked_about_in_one_place_alone() -> None:
    asks = re.compile(r"import authenticate|\bcheck_password\(")
    files = [*(ROOT / "commlog").rglob("*.py"), *(ROOT / "notifications").rglob("*.py")]
    assert {file.name for file in files if asks.search(file.read_text())} == {"passwords.py"}


@pytest.mark.django_db(transaction=True)
def test_an_upgrade_removes_what_was_typed_before() -> None:
    drop = import_module("commlog.migrations.0009_drop_axes").drop
    with connection.cursor() as cursor:
        for table in ("axes_accessattempt", "axes_accesslog"):
            cursor.execute(f"CREATE TABLE {table} (username varchar(255))")
        cursor.execute("INSERT INTO axes_accessattempt VALUES ('hunter2')")
    ContentType.objects.create(app_label="axes", model="accessattempt")
    for _ in range(2):  # a second time: there is nothing to remove
        with connection.schema_editor() as editor:
            drop(apps, editor)
    assert [name for name in connection.introspection.table_names() if name.startswith("axes")] == []
    assert not ContentType.objects.filter(app_label="axes").exists()


def test_only_what_is_counted_now_is_stored(vera: User) -> None:
    _post()
    stored = WrongPassword.objects.get()
    assert (stored.network, len(stored.name)) == (HERE, 64)
    assert abs((timezone.now() - stored.at).total_seconds()) < 60
