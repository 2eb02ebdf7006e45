"""Values that a template marks secret: sent, and read by nobody."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commlog.kit.sentences import sentence
from commlog.message.compose import can_be_written_anew
from notifications import events, outbox, sendable
from notifications.channels import DeliveryError, Envelope, Receipt
from notifications.delivery import secret_values
from notifications.events import Happening
from notifications.failures import Reason
from notifications.models import BusinessEvent, Message, NotificationTemplate, SealedValues
from notifications.outbox import NotResendable
from notifications.secrets import hidden
from notifications.states import MessageState, MessageType
from notifications.templating.checks import problems
from tests.factories import make_client, make_template, officer, set_up_channels

pytestmark = pytest.mark.django_db
PIN = "482915"
TEXT = "Dear {CLIENT_NAME}, your PIN is {PIN|secret}. Again: {PIN|secret}"
SHOWN = f"Dear Ana Silva, your PIN is {hidden.MARK}. Again: {hidden.MARK}"
SENT = f"Dear Ana Silva, your PIN is {PIN}. Again: {PIN}"


class Gateway:
    """What a channel is given, and what it answers with: here it repeats the text, as spam filters do."""

    def __init__(self, error: bool = False) -> None:
        self.got: list[Envelope] = []
        self.error = error

    def send(self, envelope: Envelope) -> Receipt:
        self.got.append(envelope)
        if self.error:
            raise DeliveryError(Reason.MESSAGING_EXCEPTION, f"550 {envelope.body}")
        return Receipt(detail=f"250 {envelope.body}")


@pytest.fixture(autouse=True)
def _servers(settings: Any) -> None:
    set_up_channels(settings)


def _told(type: MessageType = MessageType.EMAIL, **fields: Any) -> Message:
    """The message of an event that tells a PIN."""
    make_template(type, **({"text": TEXT, "subject": "Your card" if type == "EMAIL" else ""} | fields))
    events.raise_one(Happening("LOAN_REPAYMENT", client=make_client(), data={"PIN": PIN}))
    return Message.objects.get()


def _envelope(message: Message) -> Envelope:
    found = sendable.envelope_of(message)
    from dataclasses import replace

    return replace(found, secrets=SealedValues.objects.of([message.pk], timezone.now()).get(message.pk, ""))


def _failed(message: Message) -> Message:
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.FAILED, due_at=None, failure_reason=Reason.MESSAGING_EXCEPTION
    )
    return Message.objects.get(pk=message.pk)


@pytest.mark.parametrize("type", [MessageType.EMAIL, MessageType.SMS])
def test_it_is_sent_and_stands_nowhere(type: MessageType) -> None:
    message = _told(type, **({"html": "<p>{PIN|secret}</p>"} if type == MessageType.EMAIL else {}))
    assert message.content == SHOWN
    assert BusinessEvent.objects.get().data == {"PIN": hidden.WORD}
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{table}"')
            assert PIN not in repr(cursor.fetchall()), table
    gateway = Gateway()
    answer = secret_values.send(gateway, _envelope(message))  # type: ignore[arg-type]
    assert (gateway.got[0].body, gateway.got[0].secrets) == (SENT, "")
    assert gateway.got[0].html == ("<p>482915</p>" if type == MessageType.EMAIL else "")
    assert PIN not in answer.detail
    with pytest.raises(DeliveryError) as refused:
        secret_values.send(Gateway(error=True), _envelope(message))  # type: ignore[arg-type]
    assert PIN not in refused.value.detail


def test_the_same_event_told_twice_is_the_same() -> None:
    happening = Happening("LOAN_REPAYMENT", client=make_client(), data={"PIN": PIN}, key=make_client().key)
    make_template(text=TEXT)
    assert [events.raise_one(happening).created for _ in range(2)] == [True, False]


def test_other_templates_of_the_event_do_not_tell_it_either() -> None:
    make_template(MessageType.SMS, text="PIN {PIN}")
    make_template(MessageType.WEB_HOOK, text='{"pin": {PIN}}')
    make_template(text=TEXT)
    events.raise_one(Happening("LOAN_REPAYMENT", client=make_client(), data={"PIN": PIN}))
    texts = dict(Message.objects.values_list("type", "content"))
    assert texts == {"SMS": f"PIN {hidden.MARK}", "WEB_HOOK": '{"pin": "hidden"}', "EMAIL": SHOWN}


def test_it_is_wiped_once_sent_and_a_day_after_a_failure() -> None:
    now, message = timezone.now(), _told()
    # It waited for long before it failed: a day begins with the failure.
    Message.objects.filter(pk=message.pk).update(created_at=now - timedelta(days=3))
    _failed(message)
    wiped = [SealedValues.objects.wipe_left(now + timedelta(hours=hours)) for hours in (0, 23, 24)]
    assert wiped == [0, 0, 1]
    with pytest.raises(NotResendable, match="its secret value was deleted"):
        outbox.resend(message, by=officer())
    assert outbox.resend_many([message.pk], by=officer()).skipped == 1


def test_it_is_resent_as_it_is_and_to_its_own_destination() -> None:
    message, by = _failed(_told()), officer()
    assert not can_be_written_anew(message)
    with pytest.raises(NotResendable, match="only to its own destination"):
        outbox.resend(message, by=by, destination="other@example.org")
    draft = outbox.Draft(
        MessageType.EMAIL, "bo@example.org", subject="x", body="y", key=make_client().key, sender=by
    )
    with pytest.raises(NotResendable, match="only as it is"):
        outbox.send_once(draft, instead_of=message)
    SealedValues.objects.wipe_left(timezone.now())
    new = outbox.resend(message, by=by).message
    assert list(SealedValues.objects.values_list("message", "kept_until")) == [(new.pk, None)]
    gateway = Gateway()
    secret_values.send(gateway, _envelope(new))  # type: ignore[arg-type]
    assert gateway.got[0].body == SENT


def test_many_are_resent_with_theirs() -> None:
    message = _failed(_told())
    (new,) = outbox.resend_many([message.pk], by=officer()).results.values()
    assert list(SealedValues.objects.values_list("message", flat=True)) == [new]


def test_nothing_is_asked_of_messages_without_one() -> None:
    envelope = Envelope(make_client().key, "ana@example.org", body="Dear Ana")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert SealedValues.objects.of([], timezone.now()) == {}
        secret_values.send(gateway := Gateway(), envelope)  # type: ignore[arg-type]
    assert (len(asked), gateway.got) == (0, [envelope])


def test_nobody_writes_the_mark_by_hand() -> None:
    draft = outbox.Draft(MessageType.EMAIL, "ana@example.org", subject="x", body=f"a {hidden.MARK} b")
    assert outbox.enqueue(draft).content == "a hidden b"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"subject": "{PIN|secret}"}, "subject"),
        ({"text": "{PIN|secret} {PIN}"}, "text"),
        ({"text": "{PIN|secret}", "html": "<p>{PIN}</p>"}, "html"),
        ({"type": MessageType.WEB_HOOK, "text": '{"pin": {PIN|secret}}'}, "text"),
        ({"type": MessageType.WEB_HOOK, "destination": "https://a.example.org/{PIN|secret}"}, "destination"),
        ({"trigger": "MANUAL", "text": "{CLIENT_ID|secret}"}, "text"),
    ],
)
def test_where_it_could_be_read_it_is_refused(fields: dict[str, Any], field: str) -> None:
    type = fields.pop("type", MessageType.EMAIL)
    text = fields.pop("text", None)
    template: NotificationTemplate = make_template(type, **fields)
    template.text = text or template.text
    found = [wrong for wrong in problems(template) if wrong.fault.name.startswith("SECRET")]
    assert [wrong.field for wrong in found] == [field]
    assert "secret" in sentence(found[0])
