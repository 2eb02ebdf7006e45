"""From a template's secret to a receiver that verifies it; and a receiver that is gone."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.utils import timezone
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from werkzeug import Response

from commlog.message_templates import changes
from commlog.models import AuditEntry
from notifications import channels, outbox
from notifications.channels.webhook import new_secret
from notifications.delivery import drain
from notifications.models import Message, NotificationTemplate
from notifications.outbox import Draft, enqueue
from notifications.process import this_process
from notifications.secrets.sealed import opened, seal
from notifications.states import MessageState, MessageType
from tests.factories import admin, officer

pytestmark = pytest.mark.django_db(transaction=True)

BODY = '{"name": "Grüße"}'


@pytest.fixture
def template(httpserver: HTTPServer, settings: Any) -> NotificationTemplate:
    settings.WEBHOOK_ALLOWED_NETS, settings.WEBHOOK_ALLOW_HTTP = [ip_network("127.0.0.0/8")], True
    channels.close_all()
    this_process.forget()
    url = httpserver.url_for("/hook").replace("localhost", "127.0.0.1")
    return NotificationTemplate.objects.create(
        name="Ledger",
        type=MessageType.WEB_HOOK,
        event="CLIENT_CREATED",
        destination=url,
        method="POST",
        content_type="application/json",
        signing_secret=seal(new_secret()),
    )


def hook(template: NotificationTemplate) -> Message:
    return enqueue(
        Draft(
            MessageType.WEB_HOOK,
            destination=template.destination,
            body=BODY,
            content_type="APPLICATION_JSON",
            template=template,
        )
    )


def sent(message: Message) -> Message:
    Message.objects.filter(pk=message.pk, due_at__isnull=False).update(due_at=timezone.now())
    drain(MessageType.WEB_HOOK)
    message.refresh_from_db()
    return message


def verified_by(secret: str, httpserver: HTTPServer) -> bool:
    """Whether the last request is genuine to a receiver with this secret."""
    request, _ = httpserver.log[-1]
    try:
        return bool(Webhook(secret).verify(request.get_data(), dict(request.headers)) == {"name": "Grüße"})
    except WebhookVerificationError:
        return False


def test_messages_are_signed_with_the_secrets_of_the_moment_they_leave(
    httpserver: HTTPServer, template: NotificationTemplate
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    old = opened(template.signing_secret)
    waiting = hook(template)
    Message.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert sent(hook(template)).state == MessageState.SENT
    assert verified_by(old, httpserver)

    new = changes.renew_secret(template, by=admin())
    sent(waiting)
    sent(hook(template))
    assert (verified_by(old, httpserver), verified_by(new, httpserver)) == (True, True)

    newest = changes.renew_secret(template, by=admin())
    sent(hook(template))
    assert [verified_by(secret, httpserver) for secret in (old, new, newest)] == [False, True, True]


def test_a_retry_and_a_resend_are_signed_anew(
    httpserver: HTTPServer, template: NotificationTemplate, settings: Any
) -> None:
    httpserver.expect_ordered_request("/hook").respond_with_data("broken", status=500)
    httpserver.expect_ordered_request("/hook").respond_with_data("broken", status=400)
    httpserver.expect_ordered_request("/hook").respond_with_data("ok")
    secret = opened(template.signing_secret)
    message = sent(hook(template))
    identities = {request.headers["webhook-id"] for request, _ in httpserver.log}
    assert (len(httpserver.log), identities) == (2, {str(message.key)})
    assert verified_by(secret, httpserver)

    Message.objects.filter(pk=message.pk).update(
        state=MessageState.FAILED, due_at=None, waiting_reason="", failure_reason="INVALID_HTTP_RESPONSE"
    )
    message.refresh_from_db()
    again = sent(outbox.resend(message, by=officer()).message)
    assert again.state == MessageState.SENT
    assert verified_by(secret, httpserver)
    assert httpserver.log[-1][0].headers["webhook-id"] == str(again.key)


def test_a_receiver_that_is_gone_stops_its_template_and_its_owner_is_told_once(
    httpserver: HTTPServer, template: NotificationTemplate, settings: Any
) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    httpserver.expect_request("/hook").respond_with_response(Response("no more", status=410))
    sent(hook(template))
    sent(hook(template))
    template.refresh_from_db()
    assert not template.active
    (mail,) = Message.objects.filter(type=MessageType.EMAIL)
    assert (mail.destination, mail.subject) == (
        "operations@example.org",
        "Commlog: the template Ledger was deactivated",
    )
    (entry,) = AuditEntry.objects.filter(target_kind="template")
    assert (entry.actor, entry.before) == (None, {"active": True})


def test_retry_after_is_obeyed(httpserver: HTTPServer, template: NotificationTemplate) -> None:
    httpserver.expect_request("/hook").respond_with_data("later", status=503, headers={"Retry-After": "120"})
    message = sent(hook(template))
    assert message.state == MessageState.WAITING
    assert message.due_at is not None
    assert 110 < (message.due_at - timezone.now()).total_seconds() <= 120
