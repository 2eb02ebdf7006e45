"""The audit trail: what is written, that nothing of it changes, and that nobody can fill it."""

from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commlog import audit
from commlog.access import recording
from commlog.account.passwords import UNKNOWN
from commlog.audit import AuditAction
from commlog.models import AccessRecord, AuditEntry, MenuItem, audit_guard
from commlog.models.access_record import Access
from tests.factories import PASSWORD, admin, outsider, viewer

pytestmark = pytest.mark.django_db


def _written(action: AuditAction) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("id"))


def test_an_entry_says_who_did_what_to_what() -> None:
    ada, item = admin(), MenuItem.objects.first()
    assert item
    audit.record(
        ada,
        AuditAction.CHANGED,
        item,
        before={"name": "Old", "active": True},
        after={"name": "New", "active": True},
    )
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_name, entry.action) == (ada, "Adam Administrator", "CHANGED")
    assert (entry.target_kind, entry.target_key, entry.target_label) == (
        "menu item",
        item.key.hex,
        "Communications",
    )
    assert (entry.before, entry.after) == ({"name": "Old"}, {"name": "New"})


def test_a_change_that_changes_nothing_is_no_entry() -> None:
    assert audit.record(admin(), AuditAction.CHANGED, before={"a": 1}, after={"a": 1}) is None
    assert AuditEntry.objects.count() == 0


def test_hostile_values_are_stored_and_bounded() -> None:
    audit.record(
        admin(),
        AuditAction.CREATED,
        kind="page",
        label="x\0" * 500,
        after={"n\0": ["y\0" * 5_000, {"z": "\0"}]},
    )
    entry = AuditEntry.objects.get()
    assert len(entry.target_label) == 320
    assert "\0" not in str(entry.after)
    assert entry.after
    assert len(entry.after["n�"][0]) == 1_000


def test_entries_are_never_changed_or_deleted() -> None:
    audit.record(admin(), AuditAction.CREATED, kind="page", label="x")
    entry = AuditEntry.objects.get()
    entry.words = "y"
    for change in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(words="y"),
    ):
        with pytest.raises(TypeError, match="never changed or deleted"):
            change()
    statements = [f"UPDATE {audit_guard.TABLE} SET words = 'y'", f"UPDATE {audit_guard.KEYS} SET key = 'y'"]
    if connection.vendor == "postgresql":
        statements += [f"DELETE FROM {table}" for table in (audit_guard.TABLE, audit_guard.KEYS)]
    for statement in statements:
        with (
            pytest.raises(DatabaseError, match="never changed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert AuditEntry.objects.get().target_label == "x"
    assert audit_guard.installed(connection)


def test_who_has_read_messages_is_never_rewritten() -> None:
    recording.record(admin(), Access.OPENED, [1])
    for change in ("how = 'API'", "messages = '[]'", "at = CURRENT_TIMESTAMP"):
        with (
            pytest.raises(DatabaseError, match="never changed or deleted"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE {audit_guard.READINGS} SET {change}")
    assert [(row.how, row.messages) for row in AccessRecord.objects.all()] == [("OPENED", [1])]


def test_entries_of_an_earlier_version_are_sealed_by_its_upgrade() -> None:
    """And opened again where it is taken back. The guard stands before and after."""
    migration = import_module("commlog.migrations.0035_seal_audit_words")
    state = MigrationExecutor(connection).loader.project_state([("commlog", "0035_seal_audit_words")])
    apps = state.apps
    older = apps.get_model("commlog", "AuditEntry")
    with connection.cursor() as cursor:
        for column in ("target_label varchar(320) NOT NULL DEFAULT ''", "before jsonb", "after jsonb"):
            cursor.execute(f"ALTER TABLE {audit_guard.TABLE} ADD COLUMN {column}")
    said = older.objects.create(action="CHANGED", target_label="Ana", after={"email": "a@b.org"})
    older.objects.create(action="SIGNED_OUT")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    editor = SimpleNamespace(connection=connection)
    for _ in range(2):  # as an interrupted one goes on
        migration.seal(apps, editor)
    audit_guard.install()
    found = list(AuditEntry.objects.order_by("pk"))
    assert [tuple(entry.said) for entry in found] == [
        ("Ana", None, {"email": "a@b.org"}),
        ("", None, None),
        ("the audit trail", None, {"entries sealed by the upgrade": 1}),
    ]
    said.refresh_from_db()
    assert (said.target_label, said.after) == ("", None)
    migration.open_again(apps, editor)
    said.refresh_from_db()
    assert (said.target_label, said.after) == ("Ana", {"email": "a@b.org"})
    audit_guard.install()
    assert audit_guard.installed(connection)


def test_a_missing_guard_is_found() -> None:
    assert audit_guard.guarded(["default"]) == []
    with connection.cursor() as cursor:
        on = "" if connection.vendor == "sqlite" else f" ON {audit_guard.TABLE}"
        cursor.execute(f"DROP TRIGGER {audit_guard.TABLE}_append_only{on}")
    assert [error.id for error in audit_guard.guarded(["default"])] == ["commlog.E001"]
    audit_guard.install()
    assert audit_guard.guarded(["default"]) == []


def test_signing_in_and_out_is_recorded(client: Client) -> None:
    vera = viewer(username="vera")
    client.post("/sign-in/", {"username": "vera", "password": "wrong"})
    client.post("/sign-in/", {"username": "hunter2 secret", "password": "wrong"})
    client.post("/sign-in/", {"username": "vera", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")
    client.post("/sign-out/")
    assert [entry.target_label for entry in _written(AuditAction.SIGN_IN_FAILED)] == [
        "Vera Viewer (vera)",
        UNKNOWN,
    ]
    (signed_in,) = _written(AuditAction.SIGNED_IN)
    assert (signed_in.actor, signed_in.address) == (vera, "192.0.2.7")
    assert [entry.actor for entry in _written(AuditAction.SIGNED_OUT)] == [vera]
    assert "hunter2" not in str(list(AuditEntry.objects.values()))


def test_a_locked_sign_in_is_recorded(client: Client) -> None:
    viewer(username="vera")
    for _ in range(6):
        client.post("/sign-in/", {"username": "vera", "password": "wrong"})
    assert _written(AuditAction.SIGN_IN_LOCKED)[0].target_label == "Vera Viewer (vera)"


@pytest.fixture
def a_minute() -> Iterator[None]:
    """A minute begins now: what is counted by the minute is not counted in two."""
    with time_machine.travel(timezone.now().replace(second=0, microsecond=0)):
        yield


@pytest.mark.usefixtures("a_minute")
def test_guessing_does_not_fill_the_trail(client: Client) -> None:
    for number in range(25):
        client.post("/sign-in/", {"username": f"nobody{number}", "password": "x"})
    assert len(_written(AuditAction.SIGN_IN_FAILED)) == audit.MOST_A_MINUTE


@pytest.mark.usefixtures("a_minute")
def test_a_refusal_is_recorded_once_a_minute_and_page(client: Client) -> None:
    otto = outsider()
    client.force_login(otto)
    for _ in range(3):
        assert client.get("/communications/?q=secret").status_code == 403
    (entry,) = _written(AuditAction.DENIED)
    assert (entry.actor, entry.target_kind, entry.target_label) == (otto, "page", "/communications/")
    assert entry.after
    assert "View communication history" in entry.after["reason"]
    for number in range(40):
        client.get(f"/communications/{number:032}/")
    assert len(_written(AuditAction.DENIED)) == audit.MOST_A_MINUTE


def test_the_address_of_one_request_is_not_that_of_the_next(client: Client, settings: Any) -> None:
    client.get("/healthz", REMOTE_ADDR="192.0.2.7")
    with CaptureQueriesContext(connection):
        audit.record(None, AuditAction.CREATED, kind="page")
    assert AuditEntry.objects.get().address is None
