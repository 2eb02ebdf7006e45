"""What the database itself refuses, whatever the code does."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from commlog import audit
from commlog.audit import AuditAction
from commlog.models import AuditEntry, audit_guard
from notifications.checks import guarded
from notifications.database import guards
from notifications.models import Attempt, Message
from notifications.states import FINAL, TRANSITIONS, MessageState, Outcome
from tests.factories import make_attempt, make_message, make_resend

pytestmark = pytest.mark.django_db


def refused(statement: str, *values: Any) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("state", sorted(FINAL))
@pytest.mark.parametrize("other", list(MessageState))
def test_sql_cannot_change_a_final_state(state: MessageState, other: MessageState) -> None:
    message = make_message(state)

    if other == state:
        Message.objects.filter(pk=message.pk).update(state=state)
    else:
        extra = ", sent_at = NULL" if state == MessageState.SENT else ""
        refused(f"UPDATE notifications_message SET state = %s{extra} WHERE id = %s", other.value, message.pk)

    message.refresh_from_db()
    assert message.state == state


def test_other_columns_of_a_final_row_stay_updatable() -> None:
    message = make_message(MessageState.SENT)

    Message.objects.filter(pk=message.pk).update(provider_id="SM1")

    message.refresh_from_db()
    assert message.provider_id == "SM1"


def test_the_guard_is_there_after_the_last_migration_and_its_absence_is_an_error() -> None:
    assert guards.installed(connection)
    assert guarded(databases=["default"]) == []

    with connection.cursor() as cursor:
        cursor.execute(
            f"DROP TRIGGER {guards.TRIGGER}"
            + (" ON notifications_message" if connection.vendor == "postgresql" else "")
        )
    assert [each.id for each in guarded(databases=["default"])] == ["notifications.E001"]

    call_command("migrate", verbosity=0)
    assert guards.installed(connection)


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no TRUNCATE")
@pytest.mark.parametrize(
    "tables",
    [
        "notifications_message CASCADE",
        "notifications_attempt CASCADE",
        "notifications_lane CASCADE",
        "commlog_auditentry CASCADE",
        "commlog_auditkey",
        "commlog_accessrecord",
    ],
)
def test_what_is_kept_cannot_be_emptied_but_by_a_test(tables: str) -> None:
    make_attempt(make_message())
    audit.record(None, AuditAction.CREATED, kind="page")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL commlog.guarded = 'on'")  # as strict as outside of a test's database
        refused(f"TRUNCATE {tables}")
        assert (Attempt.objects.count(), AuditEntry.objects.count()) == (1, 1)
        cursor.execute("SET LOCAL commlog.guarded = 'off'")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # nothing may be pending
        cursor.execute(f"TRUNCATE {tables}")


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no TRUNCATE")
def test_a_missing_guard_of_a_whole_table_is_an_error() -> None:
    checks = (
        ("notifications_attempt", guarded, "notifications.E001"),
        (audit_guard.TABLE, audit_guard.guarded, "commlog.E001"),
    )
    for table, check, number in checks:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {table}_kept ON {table}")
        assert [error.id for error in check(databases=["default"])] == [number]


def test_an_upgrade_that_brings_a_guard_is_not_stopped_by_its_absence() -> None:
    guard = guards.GUARDS[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"DROP TRIGGER {guard.trigger}"
            + (f" ON {guard.table}" if connection.vendor == "postgresql" else "")
        )
    ((_, last),) = MigrationLoader(connection).graph.leaf_nodes("commlog")
    MigrationRecorder(connection).record_unapplied("commlog", last)
    assert [each.id for each in guarded(databases=["default"])] == []
    MigrationRecorder(connection).record_applied("commlog", last)
    assert [each.id for each in guarded(databases=["default"])] == ["notifications.E001"]


def test_sent_without_a_sent_time_cannot_exist() -> None:
    refused("UPDATE notifications_message SET state = 'SENT', due_at = NULL WHERE id = %s", make_message().pk)


def test_a_sent_time_without_sent_cannot_exist() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_message(MessageState.QUEUED, sent_at=timezone.now())


def test_a_claim_outside_sending_cannot_exist() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_message(MessageState.QUEUED, lease_until=timezone.now())


def test_a_queued_message_without_due_time_cannot_exist() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_message(MessageState.QUEUED, due_at=None)


def test_failed_without_a_reason_cannot_exist() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_message(MessageState.FAILED, failure_reason="")


def test_an_unknown_state_cannot_exist() -> None:
    refused("UPDATE notifications_message SET state = 'DONE' WHERE id = %s", make_message().pk)


def test_two_attempts_with_one_number_cannot_exist() -> None:
    message = make_message()
    make_attempt(message, number=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_attempt(message, number=1)


def test_two_open_attempts_cannot_exist() -> None:
    message = make_message()
    make_attempt(message, "")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_attempt(message, "")


def test_an_attempt_cannot_be_closed_without_a_time() -> None:
    attempt = make_attempt(make_message(), "")
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(outcome=Outcome.ACCEPTED)


def test_two_live_messages_in_one_chain_cannot_exist() -> None:
    failed = make_message(MessageState.FAILED, created_at=timezone.now() - timedelta(hours=1))
    make_resend(failed)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_resend(failed)


def test_every_state_has_its_transitions_and_final_ones_have_none() -> None:
    assert set(TRANSITIONS) == set(MessageState)
    assert {state for state, after in TRANSITIONS.items() if not after} == FINAL
