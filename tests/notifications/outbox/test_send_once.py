"""Messages that people write: once a form, and in the chain of the failed one that they take the place of."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from django.db import connection

from bench.standins import StandIns
from commlog.models import User
from notifications import outbox
from notifications.faults import Malformed
from notifications.models import Message
from notifications.outbox import Draft, NotResendable
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_message, make_resend, officer


def _draft(by: User, *, key: UUID | None = None, body: str = "Dear Ana") -> Draft:
    return Draft(
        MessageType.EMAIL,
        destination="new@example.org",
        subject="Hi",
        body=body,
        sender=by,
        key=key or uuid4(),
        event="MANUAL",
    )


@pytest.mark.django_db
def test_one_key_makes_one_message(providers: StandIns) -> None:
    by, key = officer(), uuid4()
    first = outbox.send_once(_draft(by, key=key))
    second = outbox.send_once(_draft(by, key=key, body="another text"))
    assert (first.created, second.created) == (True, False)
    assert first.message == second.message
    stored = Message.objects.get()
    assert (stored.key, stored.sender, stored.sender_user, stored.content, stored.event) == (
        key,
        "Ada Officer",
        by,
        "Dear Ana",
        "MANUAL",
    )
    assert (stored.first, stored.resend_of, stored.resent_by) == (None, None, "")


@pytest.mark.django_db
def test_nobody_reads_a_message_by_its_key(providers: StandIns) -> None:
    foreign = make_message()
    with pytest.raises(Malformed):
        outbox.send_once(_draft(officer(), key=foreign.key))
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_in_place_of_a_failed_one_it_joins_the_chain(providers: StandIns) -> None:
    failed = make_message(MessageState.FAILED, destination="old@example.org", client=make_client())
    later = make_resend(failed, MessageState.FAILED)
    by = officer()
    sent = outbox.send_once(_draft(by), instead_of=later, expected_last=later.key)
    new = Message.objects.get(pk=sent.message.pk)
    assert sent.created
    assert (new.first, new.resend_of, new.resent_by, new.resent_by_user) == (failed, later, "Ada Officer", by)
    assert (new.state, new.destination, new.content) == (MessageState.QUEUED, "new@example.org", "Dear Ana")


@pytest.mark.django_db
def test_one_message_under_way_in_a_chain(providers: StandIns) -> None:
    failed = make_message(MessageState.FAILED)
    under_way = outbox.resend(failed, by=officer()).message
    sent = outbox.send_once(_draft(officer()), instead_of=failed)
    assert (sent.message, sent.created) == (under_way, False)


@pytest.mark.django_db
def test_what_was_delivered_or_did_not_fail_is_refused_and_what_is_newer_answers(providers: StandIns) -> None:
    failed = make_message(MessageState.FAILED)
    delivered = make_resend(failed, MessageState.SENT)
    by = officer()
    with pytest.raises(NotResendable):
        outbox.send_once(_draft(by), instead_of=failed)
    with pytest.raises(NotResendable):
        outbox.send_once(_draft(by), instead_of=delivered)
    assert (
        outbox.send_once(_draft(by), instead_of=failed, expected_last=failed.key, again=True).message
        == delivered
    )
    assert outbox.send_once(_draft(by), instead_of=failed, expected_last=delivered.key, again=True).created


@pytest.mark.django_db
def test_a_key_and_a_sender_are_demanded() -> None:
    with pytest.raises(ValueError, match="key and a sender"):
        outbox.send_once(Draft(MessageType.EMAIL, destination="ana@example.org", key=uuid4()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("anew", [False, True])
def test_eight_clicks_at_once_make_one_message(providers: StandIns, anew: bool) -> None:
    by, key = officer(), uuid4()
    failed = make_message(MessageState.FAILED) if anew else None

    def click(_: int) -> bool:
        try:
            return outbox.send_once(_draft(by, key=key), instead_of=failed).created
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(click, range(8)))
    assert sorted(made) == [False] * 7 + [True]
    assert Message.objects.filter(key=key).count() == 1
