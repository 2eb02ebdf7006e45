"""Links in mails: sealed until the mail is sent, then gone; nobody but the mail server sees them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from bench.hostile.servers import ScriptedSmtp
from notifications import channels, outbox
from notifications.delivery import drain, secret_values
from notifications.models import Attempt, SealedValues
from notifications.outbox import Draft, Unsendable
from notifications.process import this_process
from notifications.secrets.hidden import GONE, MARK
from notifications.states import MessageState, MessageType
from tests.factories import officer
from tests.notifications.channels.mail import Serve

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "c9x1q2-0123456789abcdef0123456789abcdef"
LINK = f"https://commlog.bank.example/open/?user=00112233445566778899aabbccddeeff&token={TOKEN}"
DRAFT = Draft(
    MessageType.EMAIL,
    destination="a@example.org",
    subject="s",
    body=f"Open {MARK}.",
    secrets={"body": [LINK]},
)


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


def _told(server: ScriptedSmtp) -> bool:
    return TOKEN in server.mails[-1].replace(b"=\r\n", b"").decode().replace("=3D", "=")


def _is_stored() -> bool:
    return any(
        TOKEN in str(list(model._base_manager.values()))
        for model in apps.get_models(include_auto_created=True)
    )


@pytest.mark.usefixtures("quick_retries")
def test_a_link_is_sealed_until_it_was_sent_and_never_shown(server: ScriptedSmtp) -> None:
    message = outbox.enqueue(DRAFT)
    assert SealedValues.objects.get().message_id == message.pk
    assert not _is_stored()

    drain(MessageType.EMAIL)

    message.refresh_from_db()
    assert (message.state, message.content) == (MessageState.SENT, f"Open {MARK}.")
    assert _told(server)
    assert Attempt.objects.filter(detail__contains="451 4.7.1 looked up").count() == 1
    assert not SealedValues.objects.exists()
    assert not _is_stored()


@pytest.mark.usefixtures("quick_retries")
def test_what_failed_is_resent_with_its_link(server: ScriptedSmtp, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    channels.close_all()
    failed = outbox.enqueue(DRAFT)
    assert failed.state == MessageState.FAILED
    settings.EMAIL_HOST = "127.0.0.1"
    channels.close_all()
    outbox.resend(failed, by=officer())
    assert not _is_stored()
    drain(MessageType.EMAIL)
    assert _told(server)
    assert not SealedValues.objects.exists()


def test_what_expired_is_not_sent(server: ScriptedSmtp) -> None:
    now = timezone.now()
    late, live = outbox.enqueue_many(
        [replace(DRAFT, secrets_expire_at=now + timedelta(seconds=after)) for after in (0, 60)]
    )
    drain(MessageType.EMAIL)
    late.refresh_from_db()
    assert (late.state, late.failure_cause) == (MessageState.FAILED, GONE)
    live.refresh_from_db()
    assert (live.state, len(server.mails)) == (MessageState.SENT, 1)
    secret_values.sweep()
    assert not SealedValues.objects.exists()
    with pytest.raises(Unsendable, match="its secret value was deleted"):
        outbox.resend(late, by=officer())
