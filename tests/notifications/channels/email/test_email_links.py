"""Links in mails: sealed until the mail is sent, then gone; nobody but the mail server sees them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from bench.hostile.servers import ScriptedSmtp
from notifications import channels, outbox
from notifications.delivery import drain
from notifications.models import Attempt, Message, SealedLink, SealedValues
from notifications.outbox import Draft, Unsendable
from notifications.process import this_process
from notifications.secrets.hidden import MARK
from notifications.secrets.links import SHOWN
from notifications.states import MessageState, MessageType
from tests.factories import officer
from tests.notifications.channels.mail import DEADLINE, Serve, channel, envelope, failure

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "c9x1q2-0123456789abcdef0123456789abcdef"
LINK = f"https://commlog.bank.example/open/?user=00112233445566778899aabbccddeeff&token={TOKEN}"
DRAFT = Draft(MessageType.EMAIL, destination="a@example.org", subject="s", body=f"Open {SHOWN}.", link=LINK)


@pytest.fixture
def server(serve: Serve, settings: Any) -> ScriptedSmtp:
    """A mail server that refuses the first mail for now, and quotes what is in it."""
    quoting = f"451 4.7.1 looked up {LINK} and token={TOKEN}"
    found: ScriptedSmtp = serve(ScriptedSmtp({"dot": quoting, "rset": "drop"}, {}))
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
    settings.DEFAULT_FROM_EMAIL = "Commlog <commlog@example.org>"
    channels.close_all()
    this_process.forget()
    return found


def _is_stored() -> bool:
    return any(
        TOKEN in str(list(model._base_manager.values()))
        for model in apps.get_models(include_auto_created=True)
    )


@pytest.mark.usefixtures("quick_retries")
def test_a_link_is_sealed_until_it_was_sent_and_never_shown(server: ScriptedSmtp) -> None:
    message = outbox.enqueue(DRAFT)
    assert SealedLink.objects.get().message_id == message.pk
    assert not _is_stored()

    drain(MessageType.EMAIL)

    message.refresh_from_db()
    assert (message.state, message.content) == (MessageState.SENT, f"Open {SHOWN}.")
    assert TOKEN in server.mails[-1].replace(b"=\r\n", b"").decode().replace("=3D", "=")
    assert Attempt.objects.filter(detail__contains="451 4.7.1 looked up").count() == 1
    assert not SealedLink.objects.exists()
    assert not _is_stored()


def test_what_failed_has_no_link_any_more_and_is_not_resent(server: ScriptedSmtp, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    channels.close_all()
    message = outbox.enqueue(DRAFT)  # fails at once
    assert not SealedLink.objects.exists()
    settings.EMAIL_HOST = "127.0.0.1"
    channels.close_all()
    with pytest.raises(Unsendable, match="its link opened something once"):
        outbox.resend(message, by=officer())


def test_what_is_left_is_swept_and_a_copy_of_production_gets_none(server: ScriptedSmtp) -> None:
    outbox.enqueue_many([DRAFT, DRAFT])
    old, ended = SealedLink.objects.order_by("pk")
    Message.objects.filter(pk=old.message_id).update(created_at=timezone.now() - timedelta(days=4))
    SealedLink.objects.wipe_left(before=timezone.now() - timedelta(days=3))
    assert SealedLink.objects.get() == ended
    sent = envelope(body=SHOWN, link=ended.link)
    assert type(channel(server)).redirected(sent, "test@example.org").link == ""
    assert DEADLINE
    assert SHOWN in failure(channel(server), sent).detail


@pytest.mark.usefixtures("quick_retries")
def test_a_secret_value_is_sent_and_wiped(server: ScriptedSmtp) -> None:
    draft = replace(DRAFT, body=f"PIN {MARK}.", link="", secrets={"body": [TOKEN]})
    message = outbox.enqueue(draft)
    assert SealedValues.objects.get().message_id == message.pk
    assert not _is_stored()
    drain(MessageType.EMAIL)
    message.refresh_from_db()
    assert (message.state, message.content) == (MessageState.SENT, f"PIN {MARK}.")
    assert TOKEN in server.mails[-1].replace(b"=\r\n", b"").decode()
    assert not SealedValues.objects.exists()
    assert not _is_stored()
