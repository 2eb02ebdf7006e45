"""Folds of older rows are filled in by the cluster, batch by batch."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_q.models import Schedule

from notifications.cluster import backfill
from notifications.models import Client, Filling, Message
from notifications.states import MessageState
from tests.factories import make_client, make_message, make_user

pytestmark = pytest.mark.django_db
_BEFORE, _FOLDS = ("notifications", "0006_failure_reason_index"), ("notifications", "0007_folds")


def _older_rows(*names: str) -> list[Message]:
    rows = [make_message(recipient_name=name) for name in names]
    Message.objects.update(recipient_name_fold="", destination_fold="")
    Filling.objects.create(table="notifications.message")
    backfill.install_schedule()
    return rows


def _folds() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("recipient_name_fold", flat=True))


def test_what_is_older_is_filled_in_where_it_needs_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "_BATCH", 2)
    _older_rows("Søren", "Ana", "", "O’Leary", "Ž")
    assert backfill.fill() == 5
    assert _folds() == ["soren", "", "", "oleary", "z"]


def test_it_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "_BATCH", 2)
    rows = _older_rows("É", "Ö", "Ü")
    assert backfill._step(Filling.objects.get()) == 2
    assert (_folds(), Filling.objects.get().last_pk) == (["e", "o", ""], rows[1].pk)
    assert backfill.fill() == 1
    assert _folds() == ["e", "o", "u"]


def test_what_was_written_meanwhile_is_not_overwritten() -> None:
    ana = make_client(first_names="Ána")
    Filling.objects.create(table="notifications.client")
    backfill._write(Client, {ana.pk: {"name_fold": "an older name"}})
    assert Client.objects.get().name_fold == "ana silva"


def test_users_clients_and_groups_are_filled_in_too() -> None:
    make_user(first_name="Ādā")
    model = type(make_user())
    model.objects.update(name_fold="")
    Filling.objects.create(table="commlog.user")
    backfill.fill()
    assert list(model.objects.order_by("pk").values_list("name_fold", flat=True)) == ["ada", ""]


def test_it_ends_once_no_older_process_can_write_any_more() -> None:
    _older_rows("É")
    backfill.fill()
    assert (Filling.objects.get().done, Schedule.objects.filter(name="fill folds").count()) == (False, 1)
    make_message(recipient_name="Ö")
    Message.objects.update(recipient_name_fold="")  # by a process that does not know the column
    backfill.fill()
    assert _folds() == ["", "o"]
    Filling.objects.update(began_at=timezone.now() - timedelta(hours=2))
    assert backfill.fill() == 0
    assert (Filling.objects.get().done, Schedule.objects.filter(name="fill folds").count()) == (True, 0)
    backfill.install_schedule()
    assert Schedule.objects.filter(name="fill folds").count() == 0


def test_failures_that_are_older_say_what_they_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "_BATCH", 2)
    states = (MessageState.FAILED, MessageState.SENT, MessageState.FAILED)
    first, *_ = [make_message(state) for state in states]
    # Ids of tests before are not given out again, and it looks at all of them.
    Filling.objects.create(table=backfill.MEANINGS, last_pk=first.pk - 1)
    backfill.fill()
    told = list(Message.objects.order_by("pk").values_list("failure_meaning", "failure_level"))
    assert told == [("NO_SUCH_ADDRESS", "ADDRESS"), ("", ""), ("NO_SUCH_ADDRESS", "ADDRESS")]


@pytest.mark.django_db(transaction=True)
def test_the_migration_copies_no_table() -> None:
    loader = MigrationExecutor(connection).loader
    with connection.schema_editor(collect_sql=True) as editor:
        loader.get_migration(*_FOLDS).apply(loader.project_state(_BEFORE), editor, collect_sql=True)
    assert not [statement for statement in editor.collected_sql if "new__" in statement]
    assert len([statement for statement in editor.collected_sql if "ADD COLUMN" in statement]) == 4


def test_the_migration_notes_what_is_older() -> None:
    make_client(first_names="Ána")
    Client.objects.update(name_fold="")
    import_module("notifications.migrations.0007_folds").note_what_is_older(apps, None)
    assert list(Filling.objects.values_list("table", flat=True)) == ["notifications.client"]
    backfill.fill()
    assert Client.objects.get().name_fold == "ana silva"
