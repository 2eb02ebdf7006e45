"""What a mail server's answers are about: the table, and what becomes of a message whose connection is of no
more use.
"""

import socket
from typing import Any

import pytest

from bench.hostile.servers import Gone, ScriptedSmtp
from notifications.channels.base.contract import About, Failure
from notifications.channels.email import EmailChannel, answers, connection_pool
from notifications.channels.email.smtp_session import Stage
from notifications.failures import Reason
from notifications.states import Outcome
from tests.notifications.channels.mail import Serve, channel, envelope, failure

MESSAGING = Reason.MESSAGING_EXCEPTION
MAIL, RCPT, DATA, DOT = Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.AFTER_DOT

TABLE = [
    # code, words, stage, what it is about, whether to slow down
    (454, "Throttling failure: Maximum sending rate exceeded.", DOT, About.SERVER, True),
    (454, "4.7.0 too much", MAIL, About.SERVER, True),
    (451, "4.7.1 Rate limit exceeded, try again", DOT, About.SERVER, True),
    (451, "4.7.500 Server busy. Please try again later", MAIL, About.SERVER, True),
    (450, "4.7.1 Error: too much mail from 192.0.2.1", MAIL, About.SERVER, True),
    (452, "at most 14 messages per second", DOT, About.SERVER, True),
    (421, "4.7.0 Try again later, closing connection", RCPT, About.SERVER, True),
    (421, "too many connections", Stage.GREETING, About.SERVER, True),
    (421, "4.3.2 Connection rate limit exceeded", Stage.GREETING, About.SERVER, True),
    (421, "4.3.2 too busy", Stage.GREETING, About.SERVER, True),
    (421, "4.7.0 Try again later", Stage.EHLO, About.SERVER, True),
    # Down: it goes on as before once it works again.
    (421, "4.3.2 System not accepting network messages", Stage.GREETING, About.SERVER, False),
    (421, "4.3.0 Temporary System Problem. Try again later", Stage.EHLO, About.SERVER, False),
    (421, "mx.example.org Service not available, closing", Stage.GREETING, About.SERVER, False),
    (432, "slow down", DOT, About.SERVER, True),
    (
        450,
        "4.2.1 The user you are trying to contact is receiving mail at a rate that",
        RCPT,
        About.RECIPIENT,
        False,
    ),
    (450, "4.2.1 The user is receiving mail at a rate that", DOT, About.RECIPIENT, False),
    (450, "4.7.1 Greylisted, see", RCPT, About.RECIPIENT, False),
    (451, "4.3.0 try later", RCPT, About.RECIPIENT, False),
    (452, "4.2.2 mailbox full", RCPT, About.RECIPIENT, False),
    (550, "5.1.1 no such user", RCPT, About.RECIPIENT, False),
    (550, "5.7.1 relaying denied", RCPT, About.SERVER, False),
    # At RCPT too, where it says so itself: it is not about this recipient.
    (451, "4.7.500 Server busy. Please try again later from [192.0.2.1].", RCPT, About.SERVER, True),
    (451, "4.7.650 The mail server has been temporarily rate limited", RCPT, About.SERVER, True),
    (450, "4.7.1 Error: too much mail from 192.0.2.1", RCPT, About.SERVER, True),
    (
        450,
        "The user you are trying to contact is receiving mail at a rate that",
        RCPT,
        About.RECIPIENT,
        False,
    ),
    (452, "4.5.3 Too many recipients (AS780090)", RCPT, About.SERVER, True),
    (451, "You have exceeded your messaging limits", DOT, About.SERVER, True),
    (451, "4.7.1 Greylisting in action, please come back in an hour", DOT, About.RECIPIENT, False),
    # No pace mends these.
    (454, "4.7.1 <a@example.org>: Relay access denied", RCPT, About.SERVER, False),
    (421, "4.3.2 System not accepting network messages", MAIL, About.SERVER, False),
    (421, "4.3.2 Service shutting down", DOT, About.SERVER, False),
    (421, "Domain bank.example is not allowed to send", DOT, About.SERVER, False),
    # Because of who we are, or because of whom it is for, whatever the code.
    (550, "relay not permitted", RCPT, About.SERVER, False),
    (450, "4.1.8 <a@bank.example>: Sender address rejected: Domain not found", RCPT, About.SERVER, False),
    (550, "5.1.8 Access denied, bad outbound sender", DOT, About.SERVER, False),
    (554, "Message rejected: Email address is not verified.", DOT, About.SERVER, False),
    (554, "Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", RCPT, About.SERVER, False),
    (550, "5.7.708 Access denied, traffic not accepted from this IP", DOT, About.SERVER, False),
    (550, "5.7.1 No such user!", RCPT, About.RECIPIENT, False),
    (550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", RCPT, About.RECIPIENT, False),
    (550, "no such user here", DOT, About.RECIPIENT, False),
    # For good: it uses up its tries, as the seed says.
    (550, "5.4.5 Daily sending quota exceeded", DOT, About.MESSAGE, False),
    (451, "4.3.0 queue file write error", DOT, About.SERVER, False),
    (451, "later", DOT, About.UNKNOWN, False),
    (552, "5.3.4 too large", MAIL, About.MESSAGE, False),
    (552, "5.2.2 mailbox full", DOT, About.RECIPIENT, False),
    (554, "5.6.0 we do not like the text", DOT, About.MESSAGE, False),
    (550, "5.7.1 looks like spam", DOT, About.UNKNOWN, False),
    (535, "5.7.8 wrong password", Stage.AUTH, About.SERVER, False),
    (454, "4.7.0 Temporary authentication failure", Stage.AUTH, About.SERVER, False),
    (0, "", RCPT, About.SERVER, False),
]
OF_A_SESSION = [
    (452, "4.4.5 Maximum number of messages per session exceeded.", MAIL),
    (450, "4.7.1 too many messages in this session", MAIL),
    (550, "5.7.0 too many mails in one session", MAIL),
    (451, "later", MAIL),
    (503, "bad sequence of commands", MAIL),
    (503, "nested MAIL command", RCPT),
    (452, "4.5.3 connection limit of recipients reached", RCPT),
    (451, "too many messages in this connection", DOT),
    (421, "4.4.2 idle for too long", MAIL),
    (421, "closing", DATA),
    (530, "authentication required", MAIL),
    (0, "", MAIL),
    (0, "", RCPT),
    (0, "", DATA),
    (452, "4.5.3 Too many recipients", RCPT),
]


@pytest.mark.parametrize(("code", "text", "stage", "about", "throttled"), TABLE)
def test_what_an_answer_is_about(code: int, text: str, stage: Stage, about: About, throttled: bool) -> None:
    assert answers.judge(code, text, stage, reused=False) == (about, throttled)


@pytest.mark.parametrize(("code", "text", "stage"), OF_A_SESSION)
def test_what_is_said_over_a_kept_connection_may_be_about_the_connection(
    code: int, text: str, stage: Stage
) -> None:
    assert answers.judge(code, text, stage, reused=True) == (About.SESSION, False)
    assert answers.judge(code, text, stage, reused=False).about is not About.SESSION


@pytest.mark.parametrize(
    ("code", "text", "stage", "about", "throttled"),
    [row for row in TABLE if row[0] != 421 and row[0] and "4.5.3" not in row[1]],
)
def test_what_is_about_something_else_stays_so_over_a_kept_connection(
    code: int, text: str, stage: Stage, about: About, throttled: bool
) -> None:
    assert answers.judge(code, text, stage, reused=True) == (about, throttled)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (stage.name.lower() if stage != DOT else "dot", f"{code} {text}")
        for code, text, stage in OF_A_SESSION
        if code
    ],
)
def test_a_message_goes_on_over_a_new_connection(serve: Serve, stage: str, said: str) -> None:
    first: dict[str, str] = {}
    server = serve(ScriptedSmtp(first, {}))
    sender = channel(server)
    sender.send(envelope())
    first[stage] = said

    receipt = sender.send(envelope())

    assert receipt.detail == "250 2.0.0 Ok: queued as 4ABC"
    assert (server.connections, len(server.mails)) == (2, 2)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_kept_connection_that_closes_without_a_word_is_replaced(serve: Serve, stage: str) -> None:
    first: dict[str, str] = {}
    server = serve(ScriptedSmtp(first, {}))
    sender = channel(server)
    sender.send(envelope())
    first[stage] = "drop"

    sender.send(envelope())

    assert (server.connections, len(server.mails)) == (2, 2)


@pytest.mark.parametrize("said", ["500 what", "421 closing", "502 not implemented", "drop"])
def test_a_refused_reset_is_not_the_message_s_fault(serve: Serve, said: str) -> None:
    first = {"rcpt": "550 5.1.1 no such user", "rset": said}
    server = serve(ScriptedSmtp(first, {}))
    sender = channel(server)
    failure(sender)

    sender.send(envelope())

    assert (server.connections, len(server.mails)) == (2, 1)


class Ten(dict[str, str]):
    """The script of a session that takes ten messages."""

    taken = 0

    def get(self, stage: str, usual: Any = None) -> Any:
        self.taken += stage == "mail"
        return (
            "452 4.4.5 Maximum number of messages per session exceeded."
            if stage == "mail" and self.taken > 10
            else usual
        )


def test_a_server_that_takes_ten_messages_a_session_gets_all_of_them(serve: Serve) -> None:
    server = serve(ScriptedSmtp(*(Ten() for _ in range(4))))
    sender = channel(server)
    for _ in range(31):
        sender.send(envelope())
    assert (server.connections, len(server.mails)) == (4, 31)


def test_a_connection_is_not_kept_for_ever(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(ScriptedSmtp())
    sender = channel(server)
    sender.send(envelope())
    monkeypatch.setattr(connection_pool, "AGE", -1.0)
    sender.send(envelope())
    sender.send(envelope())
    assert server.connections == 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"ehlo": "421 4.7.0 Try again later", "helo": "drop"}, "421 4.7.0 Try again later"),
        ({"greeting": "554 5.7.1 your address is on a list"}, "554 5.7.1 your address is on a list"),
        ({"rcpt": "550 ung\u00fcltig"}, "550 ung\u00fcltig"),
        ({"ehlo": "garbage"}, "ÿ what is this"),
    ],
)
def test_what_the_server_said_last_is_kept(serve: Serve, script: dict[str, str], words: str) -> None:
    assert words in failure(channel(serve(ScriptedSmtp(script)))).detail


def test_a_wrong_password_is_tried_once(serve: Serve) -> None:
    server = serve(ScriptedSmtp({"auth": "535 5.7.8 wrong"}, features=("AUTH PLAIN LOGIN",)))
    error = failure(channel(server, username="ada", password="wrong"))
    assert "535 5.7.8 wrong" in error.detail
    assert [command[:10] for command in server.commands if command.startswith("AUTH")] == ["AUTH PLAIN"]


@pytest.mark.parametrize(
    ("name", "said"), [("commlog.example.org", "ehlo commlog.example.org"), ("", "ehlo [127.0.0.1]")]
)
def test_the_server_is_told_a_name_where_there_is_one(serve: Serve, name: str, said: str) -> None:
    server = serve(ScriptedSmtp())
    channel(server, ehlo_name=name).send(envelope())
    assert server.commands[0] == said


@pytest.mark.parametrize("greeting", ["421 4.3.2 too busy", "554 no service here", "drop", "hang"])
def test_every_address_of_a_server_is_tried(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, greeting: str
) -> None:
    first, second = serve(ScriptedSmtp({"greeting": greeting})), serve(ScriptedSmtp())
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)) for server in (first, second)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    sender = EmailChannel("mail.example.org", 25, from_address="bank@example.org", deadline=3)
    assert sender.send(envelope())
    sender.close()
    assert (first.connections, second.connections, len(second.mails)) == (1, 1, 1)


class BreaksOff(ScriptedSmtp):
    """Says these bytes at a stage and closes the connection."""

    def __init__(self, stage: str, octets: bytes) -> None:
        self.stage, self.octets = stage, octets
        super().__init__()

    def _say(self, sock: Any, script: Any, stage: str, usual: str, mail: bytes | None = None) -> str:
        if stage != self.stage:
            return super()._say(sock, script, stage, usual, mail)
        sock.sendall(self.octets)
        raise Gone


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("octets", [b"550-5.7.1 not from you\r\n550 5.7.1 se", b"550 5.7.1 not from you"])
def test_a_refusal_that_breaks_off_is_one_by_its_number(serve: Serve, stage: str, octets: bytes) -> None:
    error = failure(channel(serve(BreaksOff(stage, octets))))
    assert error.detail.startswith("550 5.7.1 not from you")
    assert error.outcome == Outcome.REFUSED


def test_a_yes_that_breaks_off_is_not_known_to_be_one(serve: Serve) -> None:
    error = failure(channel(serve(BreaksOff("dot", b"250-2.0.0 kept as\r\n25"))))
    assert error.outcome == Outcome.UNKNOWN
    assert error.detail.startswith("250 2.0.0 kept as; then the server closed the connection")


def test_a_refusal_without_an_end_is_shown(serve: Serve) -> None:
    error = failure(channel(serve(ScriptedSmtp({"dot": "\r\n".join(["550-no, and no"] * 6_000)}))))
    assert error.detail.startswith("550 no, and no\nno, and no")
    assert error.detail.endswith("(while waiting for the mail server to accept the text)")


@pytest.mark.parametrize(
    ("said", "number", "shown"),
    [
        ("250 2.0.0 Ok: queued as A\0B", "A", "250 2.0.0 Ok: queued as A B"),
        ("250 2.0.0 Ok: queued as \u00fc1", "\u00fc1", "250 2.0.0 Ok: queued as \u00fc1"),
    ],
)
def test_what_cannot_be_stored_is_no_part_of_a_receipt(
    serve: Serve, said: str, number: str, shown: str
) -> None:
    receipt = channel(serve(ScriptedSmtp({"dot": said}))).send(envelope())
    assert (receipt.provider_id, receipt.detail) == (number, shown)


@pytest.mark.parametrize(
    ("offered", "said", "words"),
    [
        ("AUTH LOGIN", "334 abc", "the server asked for the sign-in in no way that can be read"),
        ("AUTH PLAIN", "garbage", "ÿ what is this"),
    ],
)
def test_a_sign_in_that_cannot_be_read(serve: Serve, offered: str, said: str, words: str) -> None:
    server = serve(ScriptedSmtp({"auth": said}, features=(offered,)))
    error = failure(channel(server, username="ada", password="right"))
    assert (error.reason, error.kind, error.lane_fault) == (MESSAGING, Failure.TRANSIENT, True)
    assert words in error.detail


@pytest.mark.parametrize(
    ("offered", "said", "words"),
    [
        ("8BITMIME", "", "the server offers no sign-in"),
        ("AUTH GSSAPI XOAUTH2", "", "ways to sign in that Commlog does not know: GSSAPI XOAUTH2"),
        ("AUTH PLAIN", "525 5.7.13 account disabled", "525 5.7.13 account disabled"),
        ("AUTH PLAIN", "538 5.7.11 encryption required", "538 5.7.11 encryption required"),
        ("AUTH PLAIN", "550 5.7.1 too many failures", "550 5.7.1 too many failures"),
    ],
)
def test_what_keeps_us_from_signing_in_is_about_our_credentials(
    serve: Serve, offered: str, said: str, words: str
) -> None:
    server = serve(ScriptedSmtp({"auth": said}, features=(offered,)))
    error = failure(channel(server, username="ada", password="right"))
    assert (error.reason, error.lane_fault) == (Reason.INVALID_SMTP_CREDENTIALS, True)
    assert words in error.detail


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_who_has_to_sign_in_first_is_told_so(serve: Serve, stage: str) -> None:
    error = failure(channel(serve(ScriptedSmtp({stage: "530 Authentication required"}))))
    assert (error.reason, error.kind) == (Reason.INVALID_SMTP_CREDENTIALS, Failure.TRANSIENT)
    assert (error.about, error.lane_fault) == (About.SERVER, True)


def test_a_server_that_goes_down_after_its_greeting_is_its_lane_s_fault(serve: Serve) -> None:
    error = failure(channel(serve(ScriptedSmtp({"rcpt": "421 4.3.2 Service shutting down"}))))
    assert (error.lane_fault, error.throttled) == (True, False)


def test_a_server_in_plain_text_where_tls_is_expected(serve: Serve) -> None:
    error = failure(channel(serve(ScriptedSmtp({"greeting": "421 busy"})), use_ssl=True))
    assert error.detail.startswith("the server does not speak TLS at this port")
