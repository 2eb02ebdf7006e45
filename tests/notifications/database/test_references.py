"""What points at messages has the database refuse their deletion, by the cheaper of two ways."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from notifications.models import Message
from notifications.states import MessageState
from tests.factories import make_message, make_resend

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Django's references cost SQLite little"),
]


def references() -> set[tuple[str, bool, bool]]:
    """How each is on delete, whether it waits for the end of transactions, and whether all rows obey it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT confdeltype, condeferred, convalidated FROM pg_constraint "
            "WHERE contype = 'f' AND confrelid = 'notifications_message'::regclass"
        )
        return set(cursor.fetchall())


def test_all_of_them_restrict_after_the_last_migration() -> None:
    assert references() == {("r", True, True)}

    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE commlog_jobitem ADD CONSTRAINT as_django_makes_it FOREIGN KEY (message_id) "
            "REFERENCES notifications_message (id) DEFERRABLE INITIALLY DEFERRED"
        )
    assert len(references()) == 2

    call_command("migrate", verbosity=0)
    assert references() == {("r", True, True)}


def test_a_chain_goes_in_one_statement_and_a_part_of_it_does_not() -> None:
    root = make_message(MessageState.FAILED)
    resend = make_resend(root)

    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.filter(pk=root.pk)._raw_delete("default")
    Message.objects.filter(pk__in=[root.pk, resend.pk])._raw_delete("default")

    assert not Message.objects.exists()
