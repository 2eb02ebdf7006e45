"""Secrets at rest: sealed in the database, opened by the channel alone, sealed anew under a new key."""

import io
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from bench.standins import StandIns
from notifications.delivery import drain
from notifications.models import Attempt, Message
from notifications.outbox import Draft, enqueue
from notifications.secrets import sealed as secrets
from notifications.secrets.sealed import Unreadable, opened, seal
from notifications.states import MessageState, MessageType
from tests.factories import make_message

OLD, NEW, WRONG = (
    f"{name} key, thirty-two characters and more" for name in ("the old", "the new", "a wrong")
)
CANARY = "c4n4ry-of-a-secret"


def web_hook(url: str, **fields: Any) -> Message:
    return enqueue(
        Draft(
            type=MessageType.WEB_HOOK, destination=url, body="{}", content_type="APPLICATION_JSON", **fields
        )
    )


def test_a_sealed_text_opens_under_its_key_alone(settings: Any) -> None:
    settings.SECRETS_KEY = OLD
    sealed = seal(CANARY)
    assert CANARY not in sealed
    assert opened(sealed) == CANARY

    settings.SECRETS_KEY, settings.SECRETS_PREVIOUS_KEYS = NEW, [OLD]
    assert opened(sealed) == CANARY

    settings.SECRETS_PREVIOUS_KEYS = []
    with pytest.raises(Unreadable):
        opened(sealed)


def test_no_text_stays_no_text() -> None:
    assert (seal(""), opened("")) == ("", "")


def test_without_a_key_one_is_made_and_kept(settings: Any, tmp_path: Path) -> None:
    settings.SECRETS_KEY, settings.SECRETS_KEY_FILE = "", tmp_path / "var" / "secrets.key"
    sealed = seal(CANARY)
    secrets._box_of.cache_clear()
    assert opened(sealed) == CANARY
    assert settings.SECRETS_KEY_FILE.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "var").iterdir()) == [settings.SECRETS_KEY_FILE]


@pytest.mark.django_db
@pytest.mark.parametrize("readable", [{"auth_password": CANARY}, {"headers": {"Authorization": CANARY}}])
def test_a_readable_secret_cannot_be_stored(readable: dict[str, Any]) -> None:
    message = make_message(type=MessageType.WEB_HOOK)
    for name, value in readable.items():
        setattr(message, name, value)
    with pytest.raises(ValueError, match="stored sealed only"):
        message.save(update_fields=list(readable))


@pytest.mark.django_db
def test_a_header_that_looks_sealed_is_sent_as_it_was_entered() -> None:
    message = web_hook("https://hooks.example.org/", headers={"X-Note": "sealed:by hand", "X-Tenant": "demo"})
    assert message.headers["X-Tenant"] == "demo"
    assert opened(message.headers["X-Note"]) == "sealed:by hand"


@pytest.mark.django_db(transaction=True)
def test_secrets_reach_the_receiver_and_nobody_else(providers: StandIns, quick_retries: Any) -> None:
    url = f"http://127.0.0.1:{providers.webhook.port}/ok"
    message = web_hook(url, headers={"X-Api-Key": CANARY}, auth_username="ledger", auth_password=CANARY)
    drain(MessageType.WEB_HOOK)
    message.refresh_from_db()
    assert message.state == MessageState.SENT
    with connection.cursor() as cursor:
        cursor.execute("SELECT auth_password, headers FROM notifications_message")
        assert CANARY not in str(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_a_lost_key_costs_no_message(providers: StandIns, settings: Any) -> None:
    message = web_hook(
        f"http://127.0.0.1:{providers.webhook.port}/ok", auth_username="ledger", auth_password=CANARY
    )
    lost, settings.SECRETS_KEY = settings.SECRETS_KEY, WRONG
    drain(MessageType.WEB_HOOK)
    message.refresh_from_db()
    assert (
        "no key of SECRETS_KEY and SECRETS_PREVIOUS_KEYS opens a stored secret"
        in Attempt.objects.filter(message=message)[0].detail
    )
    assert (message.state, message.possible_duplicate) == (MessageState.WAITING, False)

    settings.SECRETS_KEY = lost
    Message.objects.update(due_at=timezone.now())
    drain(MessageType.WEB_HOOK)
    message.refresh_from_db()
    assert message.state == MessageState.SENT


def rotated() -> str:
    said = io.StringIO()
    call_command("rotate_secrets", stdout=said)
    return said.getvalue()


@pytest.mark.django_db(transaction=True)
def test_rotation(settings: Any) -> None:
    settings.SECRETS_KEY = OLD
    message = web_hook(
        "https://hooks.example.org/", headers={"X-Api-Key": CANARY, "X-Tenant": "demo"}, auth_password=CANARY
    )
    make_message()

    settings.SECRETS_KEY, settings.SECRETS_PREVIOUS_KEYS = NEW, [OLD]
    assert rotated().startswith("2 stored secrets were encrypted again.")

    settings.SECRETS_PREVIOUS_KEYS = []
    message.refresh_from_db()
    assert (
        opened(message.auth_password),
        opened(message.headers["X-Api-Key"]),
        message.headers["X-Tenant"],
    ) == (CANARY, CANARY, "demo")


@pytest.mark.django_db(transaction=True)
def test_rotation_without_the_old_key_says_so_and_changes_nothing(settings: Any) -> None:
    settings.SECRETS_KEY = OLD
    message = web_hook("https://hooks.example.org/", auth_password=CANARY)
    settings.SECRETS_KEY = NEW
    with pytest.raises(CommandError, match="Add the key that sealed it to SECRETS_PREVIOUS_KEYS"):
        rotated()
    settings.SECRETS_KEY = OLD
    message.refresh_from_db()
    assert opened(message.auth_password) == CANARY


@pytest.mark.django_db(transaction=True)
def test_what_was_stored_readable_is_sealed_by_the_migration() -> None:
    messages = [make_message(type=MessageType.WEB_HOOK) for _ in range(2)]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_message SET auth_password = %s, headers = %s WHERE id = %s",
            [CANARY, f'{{"X-Token": "{CANARY}", "X-Tenant": "demo"}}', messages[0].pk],
        )
    migration = import_module("notifications.migrations.0002_seal_secrets")
    apps = MigrationExecutor(connection).loader.project_state([("notifications", "0001_initial")]).apps
    for _ in range(2):  # the second time, nothing is left to do
        migration.seal_stored(apps, connection.schema_editor())
    sealed, untouched = Message.objects.order_by("pk")
    assert (opened(sealed.auth_password), opened(sealed.headers["X-Token"]), sealed.headers["X-Tenant"]) == (
        CANARY,
        CANARY,
        "demo",
    )
    assert CANARY not in sealed.auth_password + str(sealed.headers)
    assert (untouched.auth_password, untouched.headers) == ("", {})
