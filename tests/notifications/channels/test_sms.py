"""The SMS channel against a Twilio that fails at every step."""

import gzip
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest

from bench.hostile.servers import RawHttp, reset, says, within
from notifications.channels.base.contract import About, DeliveryError, Envelope, Failure
from notifications.channels.sms.channel import SmsChannel
from notifications.failures import Reason
from notifications.states import Outcome

DEADLINE = 0.6
SID = "AC" + "0" * 32
Serve = Callable[[Any], Any]


def envelope(**changes: Any) -> Envelope:
    return Envelope(**{"key": UUID(int=7), "destination": "+49 151 23456789", "body": "Hello", **changes})


def channel(server: RawHttp, deadline: float = DEADLINE, sender: str = "+15005550006") -> SmsChannel:
    return SmsChannel(SID, "secret", sender, f"http://127.0.0.1:{server.port}", deadline)


def reply(status: int, payload: object, *headers: str) -> bytes:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    head = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        *headers,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def error(status: int, code: int, *headers: str) -> bytes:
    return reply(
        status,
        {"code": code, "message": "because", "more_info": "https://example.com", "status": status},
        *headers,
    )


def failure(sender: SmsChannel) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught, within(DEADLINE + 1):
        sender.send(envelope())
    return caught.value


def test_a_message_is_created(serve: Serve) -> None:
    server = serve(RawHttp(says(reply(201, {"sid": "SM1", "status": "queued"}))))
    receipt = channel(server).send(envelope())
    assert (receipt.provider_id, receipt.detail) == ("SM1", "HTTP 201: queued")
    request = server.requests[0].decode()
    assert request.startswith(f"POST /2010-04-01/Accounts/{SID}/Messages.json HTTP/1.1\r\n")
    assert dict(parse_qsl(request.partition("\r\n\r\n")[2])) == {
        "To": "+4915123456789",
        "From": "+15005550006",
        "Body": "Hello",
    }
    assert "\r\nAuthorization: Basic " in request


@pytest.mark.parametrize(
    ("sender", "parameter"),
    [
        ("MG" + "0a" * 16, {"MessagingServiceSid": "MG" + "0a" * 16}),
        ("+44 1632 960000", {"From": "+441632960000"}),
        ("Bank 24", {"From": "Bank 24"}),
        ("12345", {"From": "12345"}),
    ],
)
def test_each_kind_of_sender_has_its_parameter(serve: Serve, sender: str, parameter: dict[str, str]) -> None:
    server = serve(RawHttp(says(reply(201, {"sid": "SM1", "status": "accepted"}))))
    channel(server, sender=sender).send(envelope())
    asked = dict(parse_qsl(server.requests[0].decode().partition("\r\n\r\n")[2]))
    assert asked == {"To": "+4915123456789", "Body": "Hello", **parameter}


ANSWERS = [
    (error(400, 21211), Reason.SMS_SERVICE_ERROR, Failure.PERMANENT, Outcome.REFUSED),
    (error(400, 21610), Reason.SMS_SERVICE_ERROR, Failure.PERMANENT, Outcome.REFUSED),
    (error(404, 20404), Reason.SMS_SERVICE_ERROR, Failure.PERMANENT, Outcome.REFUSED),
    (error(400, 21617), Reason.SMS_TOO_LONG, Failure.PERMANENT, Outcome.REFUSED),
    (error(400, 21730), Reason.SMS_SERVICE_ERROR, Failure.TRANSIENT, Outcome.REFUSED),
    (error(401, 20003), Reason.INVALID_SMS_GATEWAY_CREDENTIALS, Failure.TRANSIENT, Outcome.REFUSED),
    (error(403, 20003), Reason.INVALID_SMS_GATEWAY_CREDENTIALS, Failure.TRANSIENT, Outcome.REFUSED),
    (error(429, 20429), Reason.SMS_SERVICE_ERROR, Failure.TRANSIENT, Outcome.REFUSED),
    (error(503, 20503), Reason.SMS_SERVICE_ERROR, Failure.TRANSIENT, Outcome.REFUSED),
    (error(500, 20500), Reason.SMS_GATEWAY_ERROR, Failure.TRANSIENT, Outcome.UNKNOWN),
    (reply(502, b"<html>bad gateway</html>"), Reason.SMS_GATEWAY_ERROR, Failure.TRANSIENT, Outcome.UNKNOWN),
    (reply(504, b""), Reason.SMS_GATEWAY_ERROR, Failure.TRANSIENT, Outcome.UNKNOWN),
    (
        reply(307, b"", "Location: http://127.0.0.1/"),
        Reason.SMS_GATEWAY_ERROR,
        Failure.TRANSIENT,
        Outcome.REFUSED,
    ),
    (reply(400, b"[1, 2]"), Reason.SMS_SERVICE_ERROR, Failure.PERMANENT, Outcome.REFUSED),
    (
        reply(400, {"type": "about:blank", "title": "t", "status": 400, "code": 21211}),
        Reason.SMS_SERVICE_ERROR,
        Failure.PERMANENT,
        Outcome.REFUSED,
    ),
    (
        reply(201, {"sid": "SM1", "status": "failed", "error_code": 30008}),
        Reason.SMS_NOT_SENT,
        Failure.TRANSIENT,
        Outcome.REFUSED,
    ),
    (
        reply(201, {"sid": "SM1", "status": "undelivered", "error_code": 30005}),
        Reason.SMS_NOT_SENT,
        Failure.PERMANENT,
        Outcome.REFUSED,
    ),
]


@pytest.mark.parametrize(("answer", "reason", "kind", "outcome"), ANSWERS)
def test_answers_have_their_class(
    serve: Serve, answer: bytes, reason: Reason, kind: Failure, outcome: Outcome
) -> None:
    caught = failure(channel(serve(RawHttp(says(answer)))))
    assert (caught.reason, caught.kind, caught.outcome) == (reason, kind, outcome)
    assert caught.detail


@pytest.mark.parametrize(
    ("answer", "about"),
    [
        (error(400, 21610), About.RECIPIENT),  # unsubscribed
        (error(400, 21211), About.RECIPIENT),  # no number
        # Switched off.
        (reply(201, {"sid": "SM1", "status": "undelivered", "error_code": 30003}), About.RECIPIENT),
        (error(400, 21617), About.MESSAGE),  # too long
        (reply(201, {"sid": "SM1", "status": "failed", "error_code": 30007}), About.MESSAGE),  # filtered
        (error(400, 21606), About.SERVER),  # our own number cannot send
        (error(401, 20003), About.SERVER),
        (error(429, 20429), About.SERVER),
        (error(400, 99999), About.UNKNOWN),
    ],
)
def test_what_an_answer_is_about(serve: Serve, answer: bytes, about: About) -> None:
    assert failure(channel(serve(RawHttp(says(answer))))).about is about


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("7.9", 7.0),
        ("0", 0.0),
        ("-1", None),
        ("soon", None),
        ("9" * 30, 1e9),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after(serve: Serve, value: str, seconds: float | None) -> None:
    assert (
        failure(channel(serve(RawHttp(says(error(429, 20429, f"Retry-After: {value}")))))).retry_after
        == seconds
    )


@pytest.mark.parametrize("payload", [b"", b"not json", b"[]", b'"text"', b"\xff\xfe"])
def test_created_with_an_unreadable_text_is_accepted(serve: Serve, payload: bytes) -> None:
    assert channel(serve(RawHttp(says(reply(201, payload))))).send(envelope()).provider_id == ""


@pytest.mark.parametrize(
    ("said", "reason", "about", "throttled"),
    [
        ({"code": 21610, "message": "unsubscribed", "status": 400}, "SMS_SERVICE_ERROR", "RECIPIENT", False),
        ({"code": "20429", "message": "too many", "status": "429"}, "SMS_SERVICE_ERROR", "SERVER", True),
        ({"code": 20003, "status": 401}, "INVALID_SMS_GATEWAY_CREDENTIALS", "SERVER", False),
    ],
)
def test_an_error_under_a_status_of_success_is_one(
    serve: Serve, said: dict[str, object], reason: str, about: str, throttled: bool
) -> None:
    caught = failure(channel(serve(RawHttp(says(reply(200, said))))))
    assert (caught.reason, caught.about.value, caught.throttled) == (reason, about, throttled)
    assert caught.detail == f"HTTP 200: {json.dumps(said)}"


@pytest.mark.parametrize("code", [21611, 30001, 30022, 63018, "21611"])
def test_to_be_asked_for_fewer_under_400_costs_no_retry(serve: Serve, code: object) -> None:
    caught = failure(channel(serve(RawHttp(says(reply(400, {"code": code, "message": "x", "status": 400}))))))
    assert (caught.throttled, caught.lane_fault, caught.kind) == (True, True, Failure.TRANSIENT)


@pytest.mark.parametrize(("status", "code"), [(403, 20005), (400, 30002), (400, 90010)])
def test_an_account_that_is_blocked_is_the_gateway_s_matter(serve: Serve, status: int, code: int) -> None:
    caught = failure(channel(serve(RawHttp(says(error(status, code))))))
    assert (caught.about, caught.lane_fault) == (About.SERVER, True)


def test_what_a_code_says_is_for_now_is_not_for_good(serve: Serve) -> None:
    assert failure(channel(serve(RawHttp(says(error(400, 30003)))))).kind is Failure.TRANSIENT


def test_created_with_odd_values_is_accepted(serve: Serve) -> None:
    receipt = channel(serve(RawHttp(says(reply(201, {"sid": 5, "status": 7}))))).send(envelope())
    assert (receipt.provider_id, receipt.detail) == ("5", "HTTP 201: 7")


def test_an_answer_compressed_unasked_is_read(serve: Serve) -> None:
    packed = gzip.compress(json.dumps({"code": 21211, "message": "no number"}).encode())
    caught = failure(channel(serve(RawHttp(says(reply(400, packed, "Content-Encoding: gzip"))))))
    assert (caught.about, caught.detail) == (
        About.RECIPIENT,
        'HTTP 400: {"code": 21211, "message": "no number"}',
    )


def test_created_and_then_dropped_is_accepted(serve: Serve) -> None:
    def behave(server: RawHttp, sock: Any) -> None:
        sock.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{")
        sock.shutdown(2)

    channel(serve(RawHttp(behave))).send(envelope())


BREAKS = {
    "drop": lambda server, sock: sock.shutdown(2),
    "reset": lambda server, sock: reset(sock),
    "hang": lambda server, sock: server.stopped.wait(20),
    "drip": lambda server, sock: server.drip(sock, b"HTTP/1.1 201 Created\r\n" * 9),
    "garbage": lambda server, sock: (sock.sendall(b"what is this\r\n\r\n"), sock.shutdown(2)),
}


@pytest.mark.parametrize("behave", BREAKS.values(), ids=BREAKS.keys())
def test_no_answer_is_unknown(serve: Serve, behave: Callable[[RawHttp, Any], None]) -> None:
    server = serve(RawHttp(behave))
    caught = failure(channel(server))
    assert (caught.reason, caught.kind, caught.outcome) == (
        Reason.SMS_CONNECTION_EXCEPTION,
        Failure.TRANSIENT,
        Outcome.UNKNOWN,
    )
    assert len(server.requests) == 1  # and it was sent once


def test_no_connection_is_refused() -> None:
    server = RawHttp(says(b""))
    server.close()
    caught = failure(channel(server))
    assert (caught.reason, caught.kind, caught.outcome) == (
        Reason.SMS_CONNECTION_EXCEPTION,
        Failure.TRANSIENT,
        Outcome.REFUSED,
    )


def test_an_untrusted_certificate_is_refused(serve: Serve, server_tls: Any) -> None:
    server = serve(RawHttp(says(b""), context=server_tls))
    caught = failure(SmsChannel(SID, "secret", "+15005550006", f"https://127.0.0.1:{server.port}", DEADLINE))
    assert (caught.reason, caught.outcome) == (Reason.SMS_CONNECTION_EXCEPTION, Outcome.REFUSED)
    assert "certificate" in caught.detail
    assert server.requests == []


def test_the_sdk_logs_nothing_of_a_request(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("twilio.http_client").setLevel(logging.WARNING)
    channel(serve(RawHttp(says(reply(201, {"sid": "SM1", "status": "queued"}))))).send(envelope())
    assert "4915123456789" not in caplog.text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"destination": " "}, Reason.MISSING_SMS_RECIPIENT),
        ({"destination": "0151 23456789"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "+49 151 2345\n6789"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "+999123456789"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "+49 1"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "+1 800 FLOWERS"}, Reason.UNDEFINED_DESTINATION),
        ({"body": "x" * 1601}, Reason.SMS_TOO_LONG),
        ({"body": ""}, Reason.OTHER),
        ({"body": " \t\r\n\u00a0\u3000"}, Reason.OTHER),
        ({"body": "\u200b\u200d\u2060\ufeff\u00ad\u202e\u034f\u2800\u3164"}, Reason.OTHER),
    ],
)
def test_check_refuses_what_can_never_be_sent(changes: dict[str, str], reason: Reason) -> None:
    with pytest.raises(DeliveryError) as caught:
        SmsChannel(SID, "secret", "+15005550006").check(envelope(**changes))
    assert (caught.value.reason, caught.value.kind) == (reason, Failure.NEVER)


def test_check_without_an_account() -> None:
    with pytest.raises(DeliveryError) as caught:
        SmsChannel("", "", "").check(envelope())
    assert (caught.value.reason, caught.value.kind) == (Reason.SMS_SERVICE_NOT_ENABLED, Failure.NEVER)


def test_check_passes_what_can_be_sent() -> None:
    SmsChannel(SID, "secret", "+15005550006").check(envelope(body="x" * 1600))
