"""Signed webhooks, verified by the library that receivers use."""

import base64
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from bench.hostile.servers import RawHttp, says
from notifications import channels
from notifications.channels import Envelope
from notifications.channels.webhook import WebhookChannel, new_secret
from notifications.secrets.sealed import seal
from notifications.states import MessageType

KEY = UUID("0123456789abcdef0123456789abcdef")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[Any], Any]
BODY = '{"name": "Grüße 🎉"}'


def request(serve: Serve, *secrets: str, **changes: Any) -> tuple[dict[str, str], bytes]:
    """Headers and body as the receiver gets them."""
    server = serve(RawHttp(says(OK)))
    values: dict[str, Any] = {
        "destination": f"http://127.0.0.1:{server.port}/",
        "body": BODY,
        "content_type": "application/json",
    }
    values |= {"key": KEY, "signing_secrets": tuple(map(seal, secrets))}
    WebhookChannel([ip_network("127.0.0.0/8")], allow_http=True).send(Envelope(**(values | changes)))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    return {name.lower(): value for name, _, value in lines}, body


def test_the_receivers_library_verifies_before_during_and_after_a_rotation(serve: Serve) -> None:
    old, new = new_secret(), new_secret()
    before, during, after = request(serve, old), request(serve, new, old), request(serve, new)

    for (headers, body), good, bad in (
        (before, [old], [new]),
        (during, [old, new], []),
        (after, [new], [old]),
    ):
        for secret in good:
            assert Webhook(secret).verify(body, headers) == {"name": "Grüße 🎉"}
        for secret in bad:
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(body, headers)


def test_the_identity_is_the_idempotency_key(serve: Serve) -> None:
    headers, _ = request(serve, new_secret())
    assert headers["webhook-id"] == headers["x-notifications-idempotency-key"] == str(KEY)


def test_a_changed_body_is_noticed(serve: Serve) -> None:
    secret = new_secret()
    headers, body = request(serve, secret)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"name", b"game"), headers)


def test_without_a_secret_nothing_is_signed(serve: Serve) -> None:
    headers, _ = request(serve)
    assert not [name for name in headers if name.startswith("webhook-")]


def test_a_made_secret_is_one() -> None:
    assert new_secret().startswith("whsec_")
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"), validate=True)) == 32
    assert new_secret() != new_secret()


def test_a_redirected_webhook_carries_no_secret_of_production(serve: Serve, settings: Any) -> None:
    server = serve(RawHttp(says(OK)))
    settings.SENDING_MODE, settings.REDIRECT_TO = (
        "redirect",
        {MessageType.WEB_HOOK: f"http://127.0.0.1:{server.port}/staging"},
    )
    settings.WEBHOOK_ALLOWED_NETS, settings.WEBHOOK_ALLOW_HTTP = [ip_network("127.0.0.0/8")], True
    channels.close_all()
    secret, headers = (
        seal("c4n4ry-of-a-secret"),
        {"X-Api-Key": seal("c4n4ry-of-a-secret"), "X-Tenant": "demo"},
    )
    signing = {"auth_username": "u", "auth_password": secret, "signing_secrets": (seal(new_secret()),)}
    channels.get(MessageType.WEB_HOOK).send(
        Envelope(
            key=KEY,
            destination="https://customer.example.org/in?key=c4n4ry-of-a-secret",
            body="{}",
            headers=headers,
            **signing,
        )
    )
    head = server.requests[0].decode()
    assert "X-Commlog-Destination: https://customer.example.org/in?key=%E2%80%A6\r\n" in head
    for absent in ("c4n4ry-of-a-secret", "Authorization", "webhook-signature", "X-Tenant"):
        assert absent not in head
