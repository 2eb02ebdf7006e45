"""The webhook channel against receivers that answer anything, or nothing, or for ever."""

import gzip
import json
import os
import resource
import socket
import time
import zlib
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from bench.hostile.http_answers import (
    AFTER_STATUS,
    NO_STATUS,
    NOT_SENT,
    REFUSED,
    STATUSES,
    UNKNOWN,
    Behaviour,
    any_status,
    class_of_status,
    hang,
    then,
)
from bench.hostile.servers import RawHttp, says, within
from notifications.channels.base.contract import DeliveryError, Envelope, Failure
from notifications.channels.base.detail import LIMIT
from notifications.channels.webhook import CONTENT_TYPES, WebhookChannel
from notifications.failures import Reason
from notifications.secrets.sealed import seal
from notifications.states import Outcome

DEADLINE = 0.6
KEY = UUID("0123456789abcdef0123456789abcdef")
LOOPBACK = [ip_network("127.0.0.0/8")]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[Any], Any]


def channel(deadline: float = DEADLINE) -> WebhookChannel:
    return WebhookChannel(LOOPBACK, allow_http=True, deadline=deadline)


def to(server: RawHttp, scheme: str = "http", **changes: Any) -> Envelope:
    values = {
        "key": KEY,
        "destination": f"{scheme}://127.0.0.1:{server.port}/hook",
        "body": "{}",
        "method": "POST",
    }
    return Envelope(**{**values, "content_type": "application/json", **changes})


def failure(server: RawHttp, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught, within(DEADLINE + 1):
        channel().send(to(server, **changes))
    return caught.value


def class_of(error: DeliveryError) -> tuple[Reason, Failure, Outcome]:
    return error.reason, error.kind, error.outcome


# --- The request --------------------------------------------------------------------------------------------


def test_the_request(serve: Serve) -> None:
    server = serve(RawHttp(says(OK)))
    receipt = channel().send(
        to(server, method="PUT", headers={"X-Tenant": "one "}, auth_username="ädmin", auth_password="s:x")
    )
    assert receipt.detail == "HTTP 200: ok"
    assert server.requests[0].decode() == (
        f"PUT /hook HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Tenant: one\r\nContent-Type: "
        "application/json\r\nUser-Agent: Commlog\r\n"
        "x-notifications-idempotency-key: 01234567-89ab-cdef-0123-456789abcdef\r\nAuthorization: Basic "
        "w6RkbWluOnM6eA==\r\n"
        "Content-Length: 2\r\nAccept-Encoding: identity\r\n\r\n{}"
    )


def test_an_author_cannot_set_what_is_ours(serve: Serve) -> None:
    server = serve(RawHttp(says(OK)))
    names = [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Content-Type",
        "User-Agent",
        "Accept-Encoding",
        "Upgrade",
    ]
    hostile = dict.fromkeys(
        [*names, "X-Notifications-Idempotency-Key", "Webhook-Signature", "Authorization"], "evil"
    )
    channel().send(to(server, headers={**hostile, "X-Fine": "fine"}, auth_username="u"))
    assert b"evil" not in server.requests[0]
    assert b"\r\nX-Fine: fine\r\n" in server.requests[0]


def test_an_author_may_set_authorization_where_no_user_is_set(serve: Serve) -> None:
    server = serve(RawHttp(says(OK)))
    channel().send(to(server, headers={"Authorization": "Bearer x"}))
    assert b"\r\nAuthorization: Bearer x\r\n" in server.requests[0]


@pytest.mark.parametrize("status", [200, 403])
def test_a_receiver_that_says_secrets_back_is_not_quoted(serve: Serve, status: int) -> None:
    said = (
        b"got Authorization: Basic dTpoNHJkLXRvLWd1ZXNz, password h4rd-to-guess, token t0ken-of-ana, "
        b"tenant demo"
    )
    server = serve(
        RawHttp(says(f"HTTP/1.1 {status} X\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said))
    )
    envelope = to(
        server,
        headers={"X-Token": "t0ken-of-ana", "X-Tenant": "demo"},
        auth_username="u",
        auth_password=seal("h4rd-to-guess"),
    )
    try:
        detail = channel().send(envelope).detail
    except DeliveryError as error:
        detail = error.detail
    assert detail == f"HTTP {status}: got Authorization: hidden, password hidden, token hidden, tenant demo"


def test_a_receiver_that_quotes_a_secret_path_is_not_quoted(serve: Serve) -> None:
    said = b"Cannot POST /hook/f81d4fae-7dec-11d0-a765-00a0c91e6bf6?token=s3cret"
    server = serve(RawHttp(says(f"HTTP/1.1 404 X\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said)))
    url = f"http://127.0.0.1:{server.port}/hook/f81d4fae-7dec-11d0-a765-00a0c91e6bf6?token=s3cret"
    assert failure(server, destination=url).detail == "HTTP 404: Cannot POST /hook/…?…"


def test_proxies_and_netrc_are_ignored(serve: Serve, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(RawHttp(says(OK)))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    channel().send(to(server))
    assert b"Authorization" not in server.requests[0]


def test_connections_are_kept(serve: Serve) -> None:
    server = serve(RawHttp(says(OK)))
    sender = channel()
    for _ in range(3):
        sender.send(to(server))
    assert (server.connections, len(server.requests)) == (1, 3)


def test_a_kept_connection_that_died_is_replaced(serve: Serve) -> None:
    def behave(server: RawHttp, sock: Any) -> None:
        sock.sendall(OK)
        sock.shutdown(2)

    server = serve(RawHttp(behave))
    sender = channel()
    for _ in range(3):
        with within(0.5):
            sender.send(to(server))
        time.sleep(0.05)  # a request that crosses the FIN has an unknown outcome, and rightly so
    assert (server.connections, len(server.requests)) == (3, 3)


def test_a_forked_child_opens_its_own_and_has_a_deadline(serve: Serve) -> None:
    server = serve(
        RawHttp(lambda server, sock: sock.sendall(OK) if len(server.requests) != 3 else hang(server, sock))
    )
    sender = channel()
    sender.send(to(server))
    if (child := os.fork()) == 0:
        try:
            sender.send(to(server))
            with pytest.raises(DeliveryError), within(DEADLINE + 1):
                sender.send(to(server))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    sender.send(to(server))
    assert (server.connections, len(server.requests)) == (2, 4)


# --- Answers ------------------------------------------------------------------------------------------------


def test_every_status_has_its_class_and_no_redirection_is_followed(serve: Serve) -> None:
    server = serve(RawHttp(any_status))
    sender = channel(5.0)
    found = {}
    for status in STATUSES:
        message = to(server, destination=f"http://127.0.0.1:{server.port}/status/{status}")
        try:
            detail = sender.send(message).detail
            found[status] = None if detail.startswith(f"HTTP {status}") else detail
        except DeliveryError as error:
            told = error.detail.startswith(f"HTTP {status}") or error.outcome == Outcome.UNKNOWN
            found[status] = class_of(error) if told else error.detail
    assert found == {status: class_of_status(status) for status in STATUSES}
    assert len(server.requests) == 500


def test_a_connection_that_switched_protocols_takes_no_other_request(serve: Serve) -> None:
    server = serve(RawHttp(says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")))
    sender = channel()
    for _ in range(2):
        with pytest.raises(DeliveryError, match="HTTP 101"):
            sender.send(to(server))
    assert (server.connections, len(server.requests)) == (2, 2)


@pytest.mark.parametrize("status", [600, 999])
def test_a_status_that_nobody_defined_is_refused(serve: Serve, status: int) -> None:
    assert (
        class_of(failure(serve(RawHttp(says(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)))))
        == REFUSED
    )


def test_the_answer_s_text_is_kept(serve: Serve) -> None:
    error = failure(serve(RawHttp(says(b"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\nbye!"))))
    assert (error.kind, error.detail) == (Failure.PERMANENT, "HTTP 410: bye!")


@pytest.mark.parametrize(
    ("status", "value", "seconds"),
    [
        (429, "120", 120.0),
        (503, "0", 0.0),
        (502, "Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        (504, "-5", None),
        (429, "junk", None),
        (500, "9", None),
    ],
)
def test_retry_after(serve: Serve, status: int, value: str, seconds: float | None) -> None:
    answer = f"HTTP/1.1 {status} X\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
    assert failure(serve(RawHttp(says(answer.encode())))).retry_after == seconds


def test_hostile_text_is_cleaned_and_cut(serve: Serve) -> None:
    body = b"\x00\x1b[31m\xff" + "ü".encode() * 20_000
    error = failure(serve(RawHttp(says(b"HTTP/1.1 500 X\r\nContent-Length: %d\r\n\r\n" % len(body) + body))))
    assert error.detail.startswith("HTTP 500:   [31m\ufffdüü")
    assert len(error.detail.encode()) <= 8192


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    ],
)
def test_interim_answers_are_not_the_answer(serve: Serve, interim: bytes) -> None:
    server = serve(RawHttp(says(interim * 3 + OK)))
    sender = channel()
    assert sender.send(to(server)).detail == "HTTP 200: ok"
    assert sender.send(to(server)).detail == "HTTP 200: ok"


# --- Receivers that break off or never end ------------------------------------------------------------------


@pytest.mark.parametrize("behave", NO_STATUS.values(), ids=NO_STATUS.keys())
def test_without_a_status_the_outcome_is_unknown(serve: Serve, behave: Behaviour) -> None:
    server = serve(RawHttp(behave))
    assert class_of(failure(server)) == UNKNOWN
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("behave", AFTER_STATUS.values(), ids=AFTER_STATUS.keys())
def test_the_status_decides_whatever_follows(serve: Serve, behave: Behaviour, status: int) -> None:
    server = serve(RawHttp(then(f"HTTP/1.1 {status} X\r\n".encode(), behave)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if status == 200:
        with within(DEADLINE + 1):
            assert channel().send(to(server)).detail.startswith("HTTP 200")
    else:
        assert class_of(failure(server)) == REFUSED
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB
    assert len(server.requests) == 1


def test_a_connection_with_an_unread_answer_is_not_used_again(serve: Serve) -> None:
    server = serve(RawHttp(then(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n", says(b"x" * 200_000))))
    sender = channel(5.0)
    sender.send(to(server))
    sender.send(to(server))
    assert server.connections == 2


def test_a_receiver_that_does_not_read_the_body(serve: Serve) -> None:
    server = serve(RawHttp(hang, read=False))
    assert class_of(failure(server, body='"' + "x" * 1_000_000 + '"')) == UNKNOWN


def test_nobody_listens() -> None:
    server = RawHttp(says(OK))
    server.close()
    assert class_of(failure(server)) == NOT_SENT


# --- TLS ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("trusted")
def test_https_with_a_trusted_certificate(serve: Serve, server_tls: Any) -> None:
    server = serve(RawHttp(says(OK), context=server_tls))
    sender = WebhookChannel(LOOPBACK, allow_http=False, deadline=5.0)
    sender.send(to(server, "https"))
    sender.send(to(server, "https"))
    assert (server.connections, len(server.requests)) == (1, 2)


def test_an_untrusted_certificate(serve: Serve, server_tls: Any) -> None:
    server = serve(RawHttp(says(OK), context=server_tls))
    with pytest.raises(DeliveryError) as caught:
        channel(5.0).send(to(server, "https"))
    assert class_of(caught.value) == NOT_SENT
    assert "certificate" in caught.value.detail
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name(serve: Serve, server_tls: Any) -> None:
    server = serve(RawHttp(says(OK), context=server_tls))
    resolver = lambda host, port, **_: [(2, 1, 6, "", ("127.0.0.1", port))]  # noqa: E731
    sender = WebhookChannel(LOOPBACK, deadline=5.0, lookup=resolver)
    sender.send(to(server, destination=f"https://localhost.test:{server.port}/"))
    with pytest.raises(DeliveryError) as caught:
        sender.send(to(server, destination=f"https://other.test:{server.port}/"))
    assert class_of(caught.value) == NOT_SENT
    assert "certificate" in caught.value.detail


def test_a_handshake_that_hangs(serve: Serve) -> None:
    server = serve(RawHttp(hang, read=False))
    assert class_of(failure(server, destination=f"https://127.0.0.1:{server.port}/")) == NOT_SENT


# --- What can never be sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": ""}, Reason.INVALID_JSON_BODY_SYNTAX),
        ({"body": "{"}, Reason.INVALID_JSON_BODY_SYNTAX),
        ({"body": "NaN"}, Reason.INVALID_JSON_BODY_SYNTAX),
        ({"body": "[" * 100_000 + "]" * 100_000}, Reason.INVALID_JSON_BODY_SYNTAX),
        ({"body": '"\ud800"'}, Reason.UNSUPPORTED_ENCODING_EXCEPTION),
        ({"body": json.dumps("x" * 1_048_576)}, Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED),
        ({"method": "GET"}, Reason.OTHER),
        ({"content_type": "text/html"}, Reason.OTHER),
        ({"headers": {"X Y": "z"}}, Reason.OTHER),
        ({"headers": {"X\nBcc": "z"}}, Reason.OTHER),
        ({"headers": {"X": "z\r\nHost: evil"}}, Reason.OTHER),
        ({"headers": {"X": "ä"}}, Reason.OTHER),
        ({"headers": {"x" * 65: "z"}}, Reason.OTHER),
    ],
)
def test_check_refuses_what_can_never_be_sent(serve: Serve, changes: dict[str, Any], reason: Reason) -> None:
    server = serve(RawHttp(says(OK)))
    with pytest.raises(DeliveryError) as caught:
        channel().check(to(server, **changes))
    assert (caught.value.reason, caught.value.kind) == (reason, Failure.NEVER)
    assert server.connections == 0


@pytest.mark.parametrize("body", ["{}", "null", "9" * 5000, '{"a": [1.5e999]}'])
def test_check_passes_every_json(serve: Serve, body: str) -> None:
    channel().check(to(serve(RawHttp(says(OK))), body=body))


@pytest.mark.parametrize("mime", CONTENT_TYPES.values())
def test_check_passes_the_three_content_types(serve: Serve, mime: str) -> None:
    channel().check(to(serve(RawHttp(says(OK))), content_type=mime))


def closes_after(answer: bytes) -> Callable[[RawHttp, socket.socket], None]:
    def behave(server: RawHttp, sock: socket.socket) -> None:
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_RDWR)

    return behave


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "the receiver speaks HTTP/2, not an HTTP/1.1 answer"),
        (
            b"\x15\x03\x01\x00\x02\x02\x46",
            "the receiver speaks TLS, not an HTTP/1.1 answer: the address must begin with https",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP/1.1 answer: 'SSH-2.0-OpenSSH_9.2'"),
        (b"220 mail.example.org ESMTP\r\n", "not an HTTP/1.1 answer: '220 mail.example.org ESMTP'"),
        (b"", "the receiver closed the connection without an answer"),
    ],
)
def test_what_spoke_instead_of_a_web_server_is_said_in_words(serve: Serve, answer: bytes, words: str) -> None:
    assert failure(serve(RawHttp(closes_after(answer)))).detail == words


@pytest.mark.parametrize(
    ("charset", "body", "words"),
    [
        ("; charset=iso-8859-1", "ungültig".encode("latin-1"), "HTTP 400: ungültig"),
        ("; charset=utf-8", "ungültig".encode(), "HTTP 400: ungültig"),
        ("; charset=utf-16", "ungültig".encode("utf-16"), "HTTP 400: ungültig"),
        ("", "ungültig".encode("latin-1"), "HTTP 400: ungültig"),
        ("", "ungültig".encode(), "HTTP 400: ungültig"),
        ("; charset=base64", "ungültig".encode(), "HTTP 400: ungültig"),
        ("; charset=no-such-thing", "ungültig".encode(), "HTTP 400: ungültig"),
    ],
)
def test_an_answer_is_read_in_its_charset(serve: Serve, charset: str, body: bytes, words: str) -> None:
    head = f"HTTP/1.1 400 X\r\nContent-Type: text/plain{charset}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert failure(serve(RawHttp(says(head.encode() + body)))).detail == words


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("gzip", gzip.compress(b"the amount is missing", mtime=0), "HTTP 400: the amount is missing"),
        ("x-gzip", gzip.compress(b"the amount is missing", mtime=0), "HTTP 400: the amount is missing"),
        ("deflate", zlib.compress(b"the amount is missing"), "HTTP 400: the amount is missing"),
        ("gzip", b"not packed", "HTTP 400: not packed"),
        ("br", b"not packed", "HTTP 400: not packed"),
    ],
)
def test_an_answer_compressed_unasked_is_read(serve: Serve, encoding: str, body: bytes, words: str) -> None:
    head = f"HTTP/1.1 400 X\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert failure(serve(RawHttp(says(head.encode() + body)))).detail == words


def test_of_a_bomb_the_beginning_is_read(serve: Serve) -> None:
    body = gzip.compress(b"no " * 20_000_000, 1)[:64_000]
    head = f"HTTP/1.1 400 X\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    error = failure(serve(RawHttp(says(head.encode() + body))))
    assert error.detail.startswith("HTTP 400: no no no")
    assert len(error.detail.encode()) <= LIMIT


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        (b"5\r\nhello\r\n6\r\n wor", "HTTP 400: hello wor"),
        (b"6\r\nhel", "HTTP 400: hel"),
        (b"5\r\nhello\r\nzz\r\n", "HTTP 400: hello"),
        (b"zz\r\nhello\r\n", "HTTP 400"),
    ],
)
def test_what_came_in_chunks_before_it_broke_off_is_kept(serve: Serve, chunks: bytes, words: str) -> None:
    head = b"HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert failure(serve(RawHttp(closes_after(head + chunks)))).detail == words


def test_head_and_body_leave_in_one_piece(serve: Serve) -> None:
    def read_once(server: RawHttp, sock: socket.socket) -> None:
        server.requests.append(sock.recv(65_536))
        sock.sendall(OK)

    server = serve(RawHttp(read_once, read=False))

    channel().send(to(server, body='{"whole": true}'))

    assert server.requests[0].endswith(b'\r\n\r\n{"whole": true}')
