"""Webhooks: one HTTP request to a URL that a user chose, so every step distrusts it."""

import json
import socket
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from django.conf import settings

from notifications.channels.base.contract import About, DeliveryError, Envelope, Failure, Receipt, never
from notifications.channels.base.detail import cleaned, retry_after
from notifications.channels.base.facts import ALERTS, Facts
from notifications.channels.http import meanings
from notifications.channels.http.connection import prepared
from notifications.channels.http.exchange import Answer, Connections, NoAnswer, NotHandedOver
from notifications.channels.net.connecting import Lookup
from notifications.channels.webhook.addresses import Net, Rules
from notifications.channels.webhook.headers import mime, outgoing, problem, without_secrets
from notifications.channels.webhook.signing import signed
from notifications.channels.webhook.target import Guard, Target, read
from notifications.failures import Reason
from notifications.failures.meanings import Meaning
from notifications.secrets.sealed import Unreadable, open_headers, opened
from notifications.secrets.urls import shortened
from notifications.states import MessageType, Outcome

METHODS = frozenset({"POST", "PUT", "PATCH"})
LARGEST = 1024 * 1024  # octets of the body
_REDIRECTED = "X-Commlog-Destination"  # of a redirected webhook: where it would have gone
_GONE, _TOO_MANY = 410, 429
_OF_TEAMS = (".webhook.office.com", ".logic.azure.com", ".powerplatform.com")  # hosts of its webhooks
_WAITS = frozenset({429, 502, 503, 504})  # whose Retry-After is obeyed


class WebhookChannel(Facts):
    """Any web server. `lookup` is the resolver; tests pass one that lies."""

    type = MessageType.WEB_HOOK
    one, icon, destination_name = "a webhook", "bolt", "URL"
    secret_destination, lanes_are_receivers = True, True
    fields, signed = ("method", "content_type", "headers", "auth_username", "auth_password"), True
    when_off = Reason.WEBHOOK_NOTIFICATIONS_DISABLED
    width = 8
    permits = 20
    ahead = 60.0
    inline = False

    def __init__(
        self,
        allowed_nets: Sequence[Net] = (),
        allow_http: bool = False,
        deadline: float = 20.0,
        *,
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        self._guard = Guard(Rules(tuple(allowed_nets)), allow_http, lookup)
        self._deadline = deadline
        self._connections = Connections(self._guard.admit)

    @classmethod
    def from_settings(cls) -> "WebhookChannel":
        return cls(settings.WEBHOOK_ALLOWED_NETS, settings.WEBHOOK_ALLOW_HTTP)

    @classmethod
    def uses(cls) -> list[tuple[str, str]]:
        nets = ", ".join(map(str, settings.WEBHOOK_ALLOWED_NETS)) or "none"
        return [
            ("Plain http", "allowed" if settings.WEBHOOK_ALLOW_HTTP else "refused"),
            ("Private networks allowed", nets),
        ]

    @classmethod
    def alert(cls, subject: str, text: str) -> dict[str, str] | None:
        url = settings.ALERT_WEBHOOK_URL
        body = alert_body(url, f"{subject}\n\n{text}")
        return {"destination": url, "body": body, "content_type": "application/json"} if url else None

    @classmethod
    def answered(cls, reason: str, said: str) -> Meaning | None:
        line = reason == Reason.HTTP_ERROR_WHILE_SENDING
        return meanings.of_answer(said) or (meanings.of_line(said) if line else None)

    @classmethod
    def redirected(cls, envelope: Envelope, target: str) -> Envelope:
        told = {_REDIRECTED: quote(shortened(envelope.destination), safe=":/?&=%")[:2048]}
        return replace(super().redirected(envelope, target), headers=MappingProxyType(told))

    def lane(self, destination: str) -> str:
        try:
            target = read(destination)
        except DeliveryError:
            return "invalid"  # it is never sent, but its row has a lane like every other
        alerts = ALERTS if destination == settings.ALERT_WEBHOOK_URL else ""
        return f"{target.host.lower()}:{target.port}{alerts}"

    def ready(self) -> None:
        """Do nothing: the channel needs no setting."""

    def check(self, envelope: Envelope) -> None:
        self._prepared(_opened(envelope))

    def send(self, envelope: Envelope) -> Receipt:
        envelope = _opened(envelope)
        target, body = self._prepared(envelope)
        headers = outgoing(envelope) | signed(
            envelope.key, body, envelope.signing_secrets or _of_alerts(envelope), at=datetime.now(UTC)
        )
        request = prepared(envelope.method or "POST", target.url, headers, body)
        try:
            answer = self._connections.exchange(request, self._deadline)
        except NotHandedOver as error:
            raise DeliveryError(Reason.HTTP_ERROR_WHILE_SENDING, str(error), lane_fault=True) from error
        except NoAnswer as error:
            raise DeliveryError(
                Reason.HTTP_ERROR_WHILE_SENDING, str(error), outcome=Outcome.UNKNOWN, lane_fault=True
            ) from error
        if 200 <= answer.status < 300:  # whatever became of its body
            request_id = cleaned(answer.headers.get("X-Request-Id", ""))[:100]
            return Receipt(provider_id=request_id, detail=without_secrets(answer.summary, headers, envelope))
        raise _failure(answer, without_secrets(answer.summary, headers, envelope))

    def close(self) -> None:
        self._connections.close()

    def _prepared(self, envelope: Envelope) -> tuple[Target, bytes]:
        """Return the target and the body after all checks that need no I/O."""
        target = read(envelope.destination)
        self._guard.check(target)
        if (envelope.method or "POST") not in METHODS:
            raise never(
                Reason.OTHER,
                f"a webhook is sent with {', '.join(sorted(METHODS))}, not with "
                f"{cleaned(envelope.method)[:20]}",
            )
        try:
            media_type = mime(envelope.content_type)
        except KeyError:
            raise never(
                Reason.OTHER,
                f"the content type {cleaned(envelope.content_type)[:100]} is not one of the three",
            ) from None
        if words := problem(envelope.headers):
            raise never(Reason.OTHER, words)
        try:
            body = envelope.body.encode()
        except UnicodeEncodeError as error:  # lone surrogates
            raise never(
                Reason.UNSUPPORTED_ENCODING_EXCEPTION, "the text contains characters that UTF-8 cannot write"
            ) from error
        if len(body) > LARGEST:
            raise never(Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED, f"the body is larger than {LARGEST} octets")
        if media_type == "application/json":
            _check_json(envelope.body)
        return target, body


def usable_url(allowed_nets: Sequence[Net], allow_http: bool, url: str) -> None:
    """Raise ValueError for a URL that these settings refuse without asking a resolver."""
    try:
        Guard(Rules(tuple(allowed_nets)), allow_http).check(read(url))
    except DeliveryError as error:
        raise ValueError(error.detail) from error


def alert_body(url: str, text: str) -> str:
    """Return an alert in the form of Slack and most receivers, or as a card for the hosts of Teams."""
    host = urlsplit(url).hostname or ""
    if not host.endswith(_OF_TEAMS):
        return json.dumps({"text": text}, ensure_ascii=False)
    card = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False)


def _of_alerts(envelope: Envelope) -> tuple[str, ...]:
    secret = settings.ALERT_WEBHOOK_SECRET
    return (secret,) if secret and envelope.destination == settings.ALERT_WEBHOOK_URL else ()


def _opened(envelope: Envelope) -> Envelope:
    """Return the envelope with readable secrets.

    Without the right key the failure is retried: the key may be set later.
    """
    try:
        return replace(
            envelope,
            headers=open_headers(envelope.headers),
            auth_password=opened(envelope.auth_password),
            signing_secrets=tuple(map(opened, envelope.signing_secrets)),
        )
    except Unreadable as error:
        raise DeliveryError(Reason.OTHER, str(error)) from error


def _check_json(body: str) -> None:
    def refuse(name: str) -> float:
        raise ValueError(f"{name} is not JSON")

    try:
        # Numbers stay text: Python raises for an integer of 5,000 digits, which is good JSON.
        json.loads(body, parse_constant=refuse, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise never(Reason.INVALID_JSON_BODY_SYNTAX, "the JSON is nested too deeply") from error
    except ValueError as error:
        raise never(Reason.INVALID_JSON_BODY_SYNTAX, cleaned(str(error))) from error


def _failure(answer: Answer, detail: str) -> DeliveryError:
    """Classify an answer other than 2xx: all are retried, and 410 is permanent.

    A receiver under repair answers 401, 404 and 500 alike.
    """
    kind = Failure.PERMANENT if answer.status == _GONE else Failure.TRANSIENT
    wait = retry_after(answer.headers.get("Retry-After")) if answer.status in _WAITS else None
    gone, throttled = answer.status == _GONE, answer.status == _TOO_MANY
    fault = throttled or answer.status >= 500
    about = About.SERVER if fault else About.UNKNOWN
    return DeliveryError(
        Reason.INVALID_HTTP_RESPONSE,
        detail,
        kind=kind,
        retry_after=wait,
        lane_fault=fault,
        gone=gone,
        about=about,
        throttled=throttled,
    )
