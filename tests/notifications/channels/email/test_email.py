"""The e-mail channel: what it hands over, what it makes of answers, the connections it keeps, TLS; nothing
outlasts the deadline.
"""

import os
import socket
import threading
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from bench.hostile.mail_stages import SIGN_IN, TEMP, UNKNOWN
from bench.hostile.servers import ScriptedSmtp
from notifications.channels.base.contract import DeliveryError, Failure
from notifications.channels.email import EmailChannel, connection_pool
from notifications.failures import Reason
from notifications.states import Outcome
from tests.notifications.channels.mail import Serve, channel, class_of, envelope, failure


def test_a_refused_connection_is_transient(serve: Serve) -> None:
    server = ScriptedSmtp()
    server.close()
    assert class_of(failure(channel(server))) == TEMP


def test_a_name_that_does_not_resolve_is_transient() -> None:
    assert (
        class_of(failure(EmailChannel("mail.invalid", 25, from_address="a@example.org", deadline=5))) == TEMP
    )


def test_a_drop_at_quit_is_success(serve: Serve) -> None:
    server = serve(ScriptedSmtp({"quit": "drop"}))
    sender = channel(server)
    assert sender.send(envelope()).detail == "250 2.0.0 Ok: queued as 4ABC"
    sender.close()
    assert len(server.mails) == 1


def test_a_large_body_that_breaks_off_was_not_delivered(serve: Serve) -> None:
    server = serve(ScriptedSmtp({"body": "reset"}))
    error = failure(channel(server), envelope(body="a line of text that is long enough\n" * 28_000))
    # By how much the kernel took before it noticed.
    assert error.outcome in (Outcome.REFUSED, Outcome.UNKNOWN)
    assert server.mails == []


def test_a_server_that_stops_reading_a_large_body(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    # More than the system takes in without a reader.
    monkeypatch.setattr("notifications.channels.email.channel.LARGEST", 2**24)
    server = serve(ScriptedSmtp({"body": "hang"}))
    error = failure(channel(server), envelope(body="a line of text that is long enough\n" * 280_000))
    assert class_of(error) == TEMP  # the dot did not leave: nobody had read so far


def test_the_receipt_holds_the_answer(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    receipt = channel(server).send(envelope())
    assert (receipt.provider_id, receipt.detail) == ("4ABC", "250 2.0.0 Ok: queued as 4ABC")
    assert b"Message-ID: <0123456789abcdef0123456789abcdef@example.org>\r\n" in server.mails[0]
    assert server.commands[1:4] == ["MAIL FROM:<noreply@example.org>", "RCPT TO:<a@example.com>", "DATA"]


def test_lines_that_begin_with_a_dot_arrive(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    channel(server).send(envelope(body=".\n..\n.a\nend"))
    assert server.mails[0].endswith(b"\r\n\r\n.\r\n..\r\n.a\r\nend\r\n")


def test_hostile_answers_are_cleaned_and_cut(serve: Serve) -> None:
    server = serve(
        ScriptedSmtp({"rcpt": "\r\n".join(["550-\x00\x1b[31mred " + "x" * 900] * 20 + ["550 end"])})
    )
    detail = failure(channel(server)).detail
    assert "\x00" not in detail
    assert "\x1b" not in detail
    assert len(detail.encode()) <= 8192


# --- Kept connections ---------------------------------------------------------------------------------------


def test_a_connection_is_kept_and_used_again(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    sender = channel(server)
    for _ in range(3):
        sender.send(envelope())
    assert (server.connections, len(server.mails)) == (1, 3)


def test_a_refusal_keeps_the_connection_and_resets_it(serve: Serve) -> None:
    server = serve(ScriptedSmtp({"rcpt": "550 no such user"}))
    sender = channel(server)
    failure(sender)
    failure(sender)
    assert server.connections == 1
    assert [command[:4] for command in server.commands] == ["ehlo", "MAIL", "RCPT", "RSET", "MAIL", "RCPT"]


@pytest.mark.parametrize("death", ["drop", "reset", "421 idle for too long", "garbage"])
def test_a_dead_kept_connection_is_replaced_silently(serve: Serve, death: str) -> None:
    first: dict[str, str] = {}
    server = serve(ScriptedSmtp(first, {}))
    sender = channel(server)
    sender.send(envelope())
    first["mail"] = death
    sender.send(envelope())
    assert (server.connections, len(server.mails)) == (2, 2)


def test_a_kept_connection_that_died_while_idle(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    sender = channel(server)
    sender.send(envelope())
    for sock in server._open:
        sock.shutdown(2)
    sender.send(envelope())
    assert (server.connections, len(server.mails)) == (2, 2)


def test_a_drop_after_the_dot_on_a_kept_connection_is_not_repeated(serve: Serve) -> None:
    script: dict[str, str] = {}
    server = serve(ScriptedSmtp(script))
    sender = channel(server)
    sender.send(envelope())
    script["dot"] = "drop"
    assert class_of(failure(sender)) == UNKNOWN
    assert (server.connections, len(server.mails)) == (1, 2)


def test_old_and_much_used_connections_are_not_kept(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(ScriptedSmtp())
    sender = channel(server)
    monkeypatch.setattr(connection_pool, "MESSAGES", 2)
    for _ in range(4):
        sender.send(envelope())
    assert server.connections == 2
    sender.send(envelope())
    monkeypatch.setattr(connection_pool, "IDLE", -1.0)
    sender.send(envelope())
    assert server.connections == 4


def test_many_threads_share_the_connections(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    sender = channel(server, deadline=10.0)

    def work() -> None:
        for _ in range(20):
            sender.send(envelope())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.mails) == 80
    assert server.connections <= 4
    sender.close()


def test_a_forked_child_opens_its_own(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    sender = channel(server, deadline=5.0)
    sender.send(envelope())
    if (child := os.fork()) == 0:
        try:
            sender.send(envelope())
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    sender.send(envelope())  # the parent's connection has not been disturbed
    assert (server.connections, len(server.mails)) == (2, 3)


# --- TLS and signing in -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("implicit", [False, True])
def test_tls_with_a_trusted_certificate(serve: Serve, server_tls: Any, implicit: bool) -> None:
    server = serve(ScriptedSmtp(features=("STARTTLS", "AUTH PLAIN"), context=server_tls, implicit=implicit))
    sender = channel(
        server, username="commlog", password="secret", use_tls=not implicit, use_ssl=implicit, deadline=5.0
    )
    sender.send(envelope())
    sender.send(envelope())
    assert (server.connections, len(server.mails)) == (1, 2)
    assert "AUTH PLAIN AGNvbW1sb2cAc2VjcmV0" in server.commands


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_is_not_trusted(serve: Serve, server_tls: Any, implicit: bool) -> None:
    server = serve(ScriptedSmtp(features=("STARTTLS",), context=server_tls, implicit=implicit))
    error = failure(channel(server, use_tls=not implicit, use_ssl=implicit))
    assert class_of(error) == TEMP
    assert "certificate" in error.detail
    assert server.mails == []


@pytest.mark.parametrize(
    "script",
    [{"starttls": "454 not now"}, {"starttls": "drop"}, {"starttls": "hang"}, {"starttls": "garbage"}],
)
def test_starttls_that_fails(serve: Serve, server_tls: Any, script: dict[str, str]) -> None:
    server = serve(ScriptedSmtp(script, features=("STARTTLS",), context=server_tls))
    assert class_of(failure(channel(server, use_tls=True))) == TEMP


def test_starttls_that_is_not_offered_is_not_skipped(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    assert class_of(failure(channel(server, use_tls=True))) == TEMP
    assert server.mails == []


def test_a_tls_handshake_that_hangs(serve: Serve) -> None:
    server = serve(ScriptedSmtp({"greeting": "hang"}))
    assert class_of(failure(channel(server, use_ssl=True))) == TEMP


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("535 wrong", SIGN_IN),
        ("534 stronger", SIGN_IN),
        ("530 first", SIGN_IN),
        ("454 temporary", TEMP),
        ("drop", TEMP),
        ("hang", TEMP),
        ("garbage", TEMP),
    ],
)
def test_signing_in(serve: Serve, answer: str, expected: tuple[Reason, Failure, Outcome]) -> None:
    server = serve(ScriptedSmtp({"auth": answer}, features=("AUTH PLAIN",)))
    assert class_of(failure(channel(server, username="u", password="p"))) == expected


def test_a_password_outside_ascii(serve: Serve) -> None:
    server = serve(ScriptedSmtp(features=("AUTH PLAIN",)))
    assert class_of(failure(channel(server, username="u", password="pä"))) == SIGN_IN


# --- What can never be sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"destination": ""}, Reason.MISSING_EMAIL_RECIPIENT_ADDRESS),
        ({"destination": "  "}, Reason.MISSING_EMAIL_RECIPIENT_ADDRESS),
        ({"destination": "nobody"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "a@x, b@x"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "a@example.com\nBcc: b@example.com"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "a\x00@example.com"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "a@example.com> SIZE=1"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "jürgen@example.com"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "a@-example.com"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "a@xn--.com\u2028"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "a@exam\u0000ple.com"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "a" * 65 + "@example.com"}, Reason.UNDEFINED_DESTINATION),
        ({"destination": "\ud800@example.com"}, Reason.UNDEFINED_DESTINATION),
        ({"subject": "Hello\nBcc: b@example.com"}, Reason.UNSUPPORTED_ENCODING_EXCEPTION),
        ({"subject": "Hello\r\n\r\nbody"}, Reason.UNSUPPORTED_ENCODING_EXCEPTION),
        ({"subject": "Hel\x00lo"}, Reason.UNSUPPORTED_ENCODING_EXCEPTION),
        ({"subject": "Hel\u2028lo"}, Reason.UNSUPPORTED_ENCODING_EXCEPTION),
        ({"subject": "\ud83d"}, Reason.UNSUPPORTED_ENCODING_EXCEPTION),
        ({"body": "\ud83d"}, Reason.UNSUPPORTED_ENCODING_EXCEPTION),
        ({"body": "x" * (1024 * 1024 + 1)}, Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED),
        ({"html": "ü" * 600_000}, Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED),
    ],
)
def test_check_refuses_what_can_never_be_sent(serve: Serve, changes: dict[str, str], reason: Reason) -> None:
    server = serve(ScriptedSmtp())
    with pytest.raises(DeliveryError) as caught:
        channel(server).check(envelope(**changes))
    assert (caught.value.reason, caught.value.kind) == (reason, Failure.NEVER)
    assert server.connections == 0


def test_check_without_a_server() -> None:
    with pytest.raises(DeliveryError) as caught:
        EmailChannel("", 25).check(envelope())
    assert (caught.value.reason, caught.value.kind) == (Reason.EMAIL_SERVICE_NOT_ENABLED, Failure.NEVER)


def test_check_passes_what_can_be_sent(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    channel(server).check(
        envelope(destination="o'neil+tag@sub.example.co.uk", subject="Grüße 🎉", html="<p>ä</p>")
    )
    assert channel(server).lane("a@example.com") == f"127.0.0.1:{server.port}"


def test_an_international_domain_goes_out_in_punycode(serve: Serve) -> None:
    server = serve(ScriptedSmtp())
    channel(server).send(envelope(destination="kasse@straße.example"))
    assert "RCPT TO:<kasse@xn--strae-oqa.example>" in server.commands


def test_against_an_independent_server() -> None:
    """aiosmtpd reads the protocol by its own lights."""
    received: list[tuple[str, list[str], bytes]] = []

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, mail: Any) -> str:
            received.append((mail.mail_from, mail.rcpt_tos, mail.original_content))
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        sender = EmailChannel("127.0.0.1", port, from_address="n@example.org", deadline=5.0)
        sender.send(envelope(body="one\n.two"))
        sender.send(envelope(body="three"))
        sender.close()
    finally:
        controller.stop()
    assert [(origin, to, octets.rpartition(b"\r\n\r\n")[2]) for origin, to, octets in received] == [
        ("n@example.org", ["a@example.com"], b"one\r\n.two\r\n"),
        ("n@example.org", ["a@example.com"], b"three\r\n"),
    ]
