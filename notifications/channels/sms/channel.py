"""SMS over Twilio's SDK, with a client that has a deadline and knows whether the request left."""

import functools
import json
import logging
import re
import socket
import threading
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit
from uuid import UUID

import requests
from django.conf import settings
from requests.auth import HTTPBasicAuth
from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from notifications.channels.base.blank import is_blank
from notifications.channels.base.contract import (
    About,
    Accepted,
    DeliveryError,
    Envelope,
    Failure,
    Receipt,
    never,
)
from notifications.channels.base.detail import cleaned, retry_after
from notifications.channels.base.facts import ALERTS, Facts
from notifications.channels.http import meanings
from notifications.channels.http.connection import prepared
from notifications.channels.http.exchange import Answer, Connections, NoAnswer, NotHandedOver
from notifications.channels.net.connecting import Address, resolve
from notifications.channels.net.deadline import Deadline
from notifications.channels.sms import codes
from notifications.failures import Reason
from notifications.failures.meanings import Meaning
from notifications.states import MessageType, Outcome
from notifications.text.numbers import e164

LONGEST = 1600  # characters; Twilio refuses more (21617)

# The SDK writes query parameters and headers there at INFO.
logging.getLogger("twilio.http_client").setLevel(logging.WARNING)

_MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
# Twilio: up to 11 letters, digits and these characters, one of them a letter; carriers' short codes have 3 to
# 8 digits.
_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +_&-]{1,11}|[0-9]{3,8}")

_TOO_LONG = frozenset({21617})
_CREDENTIALS = frozenset({20003})
_LATER = frozenset({20503, 21730})
_NOT_SENT = frozenset({"failed", "undelivered", "canceled"})


def sender_parameter(text: str) -> dict[str, str]:
    """Return the parameter for TWILIO_FROM. Raises ValueError if it is no kind of sender."""
    if text.startswith("+"):
        return {"from_": e164(text)}
    if _MESSAGING_SERVICE.fullmatch(text):
        return {"messaging_service_sid": text}
    if not _SENDER_ID.fullmatch(text):
        raise ValueError(
            "it is no number with its country code, no short code, no sender ID and no Messaging Service"
        )
    return {"from_": text}


class _GatewayClient(HttpClient):
    """The SDK's HTTP client over Connections. It keeps each thread's last answer, for its headers."""

    def __init__(self, api_url: str, deadline: float) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), is_async=False, timeout=deadline)
        self._address = functools.lru_cache(maxsize=16)(functools.partial(_address, urlsplit(api_url)))
        self._seconds = deadline
        self._connections = Connections(_any_address)
        self._thread = threading.local()

    @property
    def answer(self) -> Answer | None:
        return getattr(self._thread, "answer", None)

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Send a request of the SDK. Raises NotHandedOver and NoAnswer.

        `timeout` and `allow_redirects` are the SDK's and are ignored.
        """
        self._thread.answer = None
        url = self._address(uri) + (f"?{urlencode(params, doseq=True)}" if params else "")
        request = prepared(method, url, headers or {}, urlencode(data or {}, doseq=True).encode())
        if auth:
            HTTPBasicAuth(*auth)(request)
        answer = self._thread.answer = self._connections.exchange(request, self._seconds)
        return Response(answer.status, answer.body.decode("utf-8", "replace"), answer.headers)

    def close(self) -> None:
        self._connections.close()


def _address(base: SplitResult, uri: str) -> str:
    """Return the gateway's URL for a URL at Twilio's own address, in the form that is sent."""
    asked = urlsplit(uri)
    whole = urlunsplit((base.scheme, base.netloc, base.path.rstrip("/") + asked.path, asked.query, ""))
    return requests.Request("POST", whole).prepare().url or ""


def _any_address(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Resolve the gateway's address without checks: it comes from the operator's settings."""
    return resolve(host, port, deadline, socket.getaddrinfo)


class SmsChannel(Facts):
    """Twilio, or any service with its REST API at TWILIO_API_URL."""

    type = MessageType.SMS
    one, many, icon, destination_name = "an SMS", "", "device-phone-mobile", "mobile number"
    for_people, contact, by_number = True, "mobile_phone", True
    destination_pattern = r"^\s*[+\uff0b][0-9 ()./\u00a0\u2010\u2011-]+\s*$"
    destination_help = "A number that its country can have, with the country's code: +49 1511 2345678"
    longest, in_parts = LONGEST, True
    retries_unknown, numbered = False, True  # Twilio's create is not idempotent
    when_off, without_destination = Reason.SMS_SERVICE_NOT_ENABLED, Reason.MISSING_SMS_RECIPIENT
    spelled = staticmethod(e164)
    width = 4
    # Creating a message is not idempotent with Twilio, and what is unknown after a crash is not sent again by
    # itself: so as few as can be under way at once, and more only where a gateway answers so soon that they
    # leave within an instant.
    permits = 12
    ahead = 0.05
    inline = False

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        api_url: str = "https://api.twilio.com",
        deadline: float = 20.0,
        *,
        receipts_url: str = "",
    ) -> None:
        self._receipts_url = receipts_url
        self._http = _GatewayClient(api_url, deadline)
        configured = account_sid and auth_token and sender
        self._origin = sender_parameter(sender) if configured else {}
        self._client = Client(account_sid, auth_token, http_client=self._http) if configured else None

    @classmethod
    def from_settings(cls) -> "SmsChannel":
        return cls(
            settings.TWILIO_ACCOUNT_SID,
            settings.TWILIO_AUTH_TOKEN,
            settings.TWILIO_FROM,
            settings.TWILIO_API_URL,
            receipts_url=settings.RECEIPTS_URL,
        )

    @classmethod
    def uses(cls) -> list[tuple[str, str]]:
        ready = settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN and settings.TWILIO_FROM
        gateway = (
            settings.TWILIO_API_URL
            if ready
            else "none: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM"
        )
        receipts = settings.RECEIPTS_URL or "off (RECEIPTS_URL)"
        return [
            ("Gateway", gateway),
            ("Sender", settings.TWILIO_FROM or "none"),
            ("Delivery receipts", receipts),
        ]

    @classmethod
    def alert(cls, subject: str, text: str) -> dict[str, str] | None:
        to = settings.ALERT_SMS_TO
        return {"destination": to, "body": subject[:300]} if to else None

    @classmethod
    def answered(cls, reason: str, said: str) -> Meaning | None:
        line = reason == Reason.SMS_CONNECTION_EXCEPTION
        return codes.meaning(said) or (meanings.of_line(said) if line else None)

    @classmethod
    def redirected(cls, envelope: Envelope, target: str) -> Envelope:
        return replace(
            envelope, destination=target, body=f"[to {envelope.destination}] {envelope.body}"[:LONGEST]
        )

    def lane(self, destination: str) -> str:
        to = settings.ALERT_SMS_TO
        return f"twilio{ALERTS}" if to and destination == to else "twilio"

    def ready(self) -> None:
        self._configured()

    def _configured(self) -> Client:
        if self._client is None:
            raise never(
                Reason.SMS_SERVICE_NOT_ENABLED,
                "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM are not all set",
            )
        return self._client

    def check(self, envelope: Envelope) -> None:
        self._checked(envelope)

    def _checked(self, envelope: Envelope) -> tuple[Client, str]:
        """Return the client and the number. Raises DeliveryError if the message cannot be sent."""
        client = self._configured()
        if not envelope.destination.strip():
            raise never(Reason.MISSING_SMS_RECIPIENT, "the message has no number")
        if is_blank(envelope.body):
            raise never(Reason.OTHER, "the message is empty: it has no text")
        if len(envelope.body) > LONGEST:
            raise never(
                Reason.SMS_TOO_LONG, f"the text has {len(envelope.body)} characters, {LONGEST} are allowed"
            )
        return client, _number(envelope.destination)

    def send(self, envelope: Envelope) -> Receipt | Accepted:
        client, to = self._checked(envelope)
        try:
            message = client.messages.create(
                to=to, body=envelope.body, **self._origin, **self._asks_for_receipts(envelope.key)
            )
        except NotHandedOver as error:
            raise DeliveryError(Reason.SMS_CONNECTION_EXCEPTION, str(error), lane_fault=True) from error
        except NoAnswer as error:
            raise DeliveryError(
                Reason.SMS_CONNECTION_EXCEPTION, str(error), outcome=Outcome.UNKNOWN, lane_fault=True
            ) from error
        except (TwilioException, ValueError, TypeError, AttributeError) as error:
            # ValueError and the like: the SDK reads the answer as a JSON object and this one is none.
            return self._judged(error)
        answer = self._http.answer
        if not message.sid and answer and (refused := _refusal_in(answer)):
            raise _failure(answer, refused.code, status=refused.status)
        if message.status in _NOT_SENT:
            detail = cleaned(
                f"{message.sid}: {message.status} {message.error_code or ''} {message.error_message or ''}"
            )
            raise DeliveryError(
                Reason.SMS_NOT_SENT,
                detail,
                kind=codes.of(message.error_code).kind,
                about=codes.of(message.error_code).about,
            )
        sid, detail = (
            cleaned(str(message.sid or ""))[:100],
            cleaned(f"HTTP {_status(answer)}: {message.status}"),
        )
        return Accepted(sid, detail) if self._receipts_url else Receipt(sid, detail)

    def _asks_for_receipts(self, key: UUID) -> dict[str, str]:
        return {"status_callback": receipt_address(self._receipts_url, key)} if self._receipts_url else {}

    def close(self) -> None:
        self._http.close()

    def _judged(self, error: Exception) -> Receipt:
        """Return the receipt for an answer that the SDK did not accept as a message, or raise its failure."""
        answer = self._http.answer
        if answer is None:
            raise error  # not the gateway's doing
        if 200 <= answer.status < 300:
            # The status says created; that its text cannot be read changes nothing.
            return Receipt(detail=answer.summary)
        raise _failure(answer, codes.number(getattr(error, "code", None))) from error


class _Refused(NamedTuple):
    """What an error says of itself in its text."""

    status: int
    code: int


def _refusal_in(answer: Answer) -> _Refused | None:
    """The gateway's error where its status says 2xx all the same, as gateways behind a proxy do."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return None
    status = codes.number(said.get("status")) if isinstance(said, dict) else None
    code = codes.number(said.get("code")) if isinstance(said, dict) else None
    return _Refused(status, code) if status and code and 400 <= status < 600 else None


def receipt_address(receipts_url: str, key: UUID) -> str:
    """Return the URL to which Twilio reports.

    It contains the key, since a report may come before, or without, Twilio's number of the message.
    """
    return f"{receipts_url}/receipts/twilio/{key.hex}/"


def _failure(answer: Answer, code: object, *, status: int = 0) -> DeliveryError:
    """Classify an unsuccessful answer by its HTTP status (or the one in its text), corrected by Twilio's
    code.
    """
    status, detail = status or answer.status, answer.summary
    wait = retry_after(answer.headers.get("Retry-After"))
    known = codes.of(code)
    throttled = known.meaning is Meaning.TOO_MANY or status == 429
    if throttled or code in _LATER or status in (408, 425, 503):
        return DeliveryError(
            Reason.SMS_SERVICE_ERROR,
            detail,
            retry_after=wait,
            lane_fault=True,
            about=About.SERVER,
            throttled=throttled,
        )
    if code in _CREDENTIALS or status == 401:
        return DeliveryError(
            Reason.INVALID_SMS_GATEWAY_CREDENTIALS, detail, lane_fault=True, about=About.SERVER
        )
    if code in _TOO_LONG:
        return DeliveryError(Reason.SMS_TOO_LONG, detail, kind=Failure.PERMANENT, about=About.MESSAGE)
    # Twilio: a create that was answered with 500 may have been done (its page on error 20500)
    if status >= 500:
        return DeliveryError(Reason.SMS_GATEWAY_ERROR, detail, outcome=Outcome.UNKNOWN, lane_fault=True)
    if 400 <= status < 500:
        # What no table has is for good, as its status says.
        kind = known.kind if code in codes.CODES else Failure.PERMANENT
        fault = known.meaning is Meaning.ACCOUNT
        return DeliveryError(Reason.SMS_SERVICE_ERROR, detail, kind=kind, about=known.about, lane_fault=fault)
    return DeliveryError(Reason.SMS_GATEWAY_ERROR, detail)  # a redirection: nobody followed it


def _number(destination: str) -> str:
    try:
        return e164(destination)
    except ValueError as error:
        raise never(Reason.UNDEFINED_DESTINATION, f"not a usable number: {error}") from error


def _status(answer: Answer | None) -> int:
    return answer.status if answer else 0
