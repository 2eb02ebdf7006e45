"""Resending: a new row beside the failed one, once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from bench.standins import StandIns
from notifications import outbox
from notifications.models import Message
from notifications.outbox import NotResendable
from notifications.states import MessageState, MessageType
from tests.factories import make_message, make_resend, officer

COPIED = ("type", "destination", "subject", "content", "html", "headers", "sender", "recipient_name", "event")


@pytest.mark.django_db
def test_a_new_row_with_the_same_content_points_at_the_failed_one_which_is_not_touched(
    providers: StandIns,
) -> None:
    failed = make_message(MessageState.FAILED, content="Dear Ana,\r\nыü 🐘 ", html="<b>x</b>", sender="Ada")
    before = Message.objects.filter(pk=failed.pk).values().get()
    by = officer()

    resent = outbox.resend(failed, by=by)

    new = Message.objects.get(pk=resent.message.pk)
    assert resent.created
    assert {name: getattr(new, name) for name in COPIED} == {name: getattr(failed, name) for name in COPIED}
    assert (new.resend_of, new.first, new.resent_by, new.resent_by_user) == (
        failed,
        failed,
        "Ada Officer",
        by,
    )
    assert (new.state, new.attempt_count, new.token) == (MessageState.QUEUED, 0, 0)
    assert new.key != failed.key
    assert Message.objects.filter(pk=failed.pk).values().get() == before


@pytest.mark.django_db
def test_what_is_under_way_is_the_answer(providers: StandIns) -> None:
    failed = make_message(MessageState.FAILED)
    by = officer()
    first = outbox.resend(failed, by=by)

    second = outbox.resend(failed, by=by)

    assert (second.message, second.created) == (first.message, False)
    assert Message.objects.count() == 2


@pytest.mark.django_db
def test_a_form_that_is_out_of_date_makes_no_second_row(providers: StandIns) -> None:
    failed = make_message(MessageState.FAILED)
    newer = make_resend(failed, MessageState.FAILED)

    resent = outbox.resend(failed, by=officer(), expected_last=failed.key)

    assert (resent.message, resent.created) == (newer, False)


@pytest.mark.django_db
def test_a_resend_of_a_resend_stays_in_the_chain(providers: StandIns) -> None:
    failed = make_message(MessageState.FAILED)
    newer = make_resend(failed, MessageState.FAILED)

    resent = outbox.resend(newer, by=officer(), expected_last=newer.key)

    assert (resent.message.first, resent.message.resend_of) == (failed, newer)


@pytest.mark.django_db
def test_what_was_delivered_is_sent_once_more_only_when_asked_for(providers: StandIns) -> None:
    failed = make_message(MessageState.FAILED)
    make_resend(failed, MessageState.SENT)

    with pytest.raises(NotResendable, match="It was already delivered"):
        outbox.resend(failed, by=officer())

    assert outbox.resend(failed, by=officer(), again=True).created


@pytest.mark.django_db
@pytest.mark.parametrize("state", [state for state in MessageState if state != MessageState.FAILED])
def test_only_failed_messages_are_resent(state: MessageState) -> None:
    message = make_message(state)

    with pytest.raises(NotResendable, match="Only failed messages"):
        outbox.resend(message, by=officer())


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_make_one_new_row(providers: StandIns) -> None:
    failed = make_message(MessageState.FAILED, type=MessageType.SMS)
    by = officer()

    def resend(_: int) -> bool:
        try:
            return outbox.resend(failed, by=by, expected_last=failed.key).created
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        created = list(pool.map(resend, range(20)))

    assert created.count(True) == 1
    assert Message.objects.count() == 2
