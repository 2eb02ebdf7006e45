"""A mail server that keeps a journal instead of delivering. Some addresses misbehave: see conduct.py.

A thread a connection on plain sockets: aiosmtpd needs three times the processor for a mail, and benchmarks
run this beside what they measure. The tests hold it against smtplib and Django, and our channel against
aiosmtpd.
"""

import base64
import email
import email.header
import re
from email.message import Message
from socketserver import StreamRequestHandler

from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from commlog.demo.standins.journal import DOWN, REFUSING, StandIn

_LINE = 64 * 1024
# Nobody has to sign in; who does, with these.
USERNAME, PASSWORD = "commlog", "demo-password"
_SIGN_IN = b"PLAIN " + base64.b64encode(f"\0{USERNAME}\0{PASSWORD}".encode())
_ADDRESS = re.compile(r"(?:FROM|TO):\s*<([^>]*)>", re.IGNORECASE)
_ANSWERS = {
    "EHLO": b"250-standin.invalid\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 AUTH PLAIN",
    "HELO": b"250 standin.invalid",
    "NOOP": b"250 2.0.0 Ok",
    "RSET": b"250 2.0.0 Ok",
    "QUIT": b"221 2.0.0 Bye",
}
REFUSALS = {
    Conduct.NOBODY: "550 5.1.1 <{}>: Recipient address rejected: User unknown in virtual mailbox table",
    Conduct.BLOCKED: "554 5.7.1 <{}>: Our users do not wish to get mail of this kind",
    Conduct.BUSY: "451 4.7.1 <{}>: Greylisted, please try again later",
}
_NO_SERVICE = b"421 4.3.2 Outage: no service"


class Smtp(StreamRequestHandler):
    """One connection: RFC 5321's minimum, PIPELINING and AUTH."""

    server: StandIn
    disable_nagle_algorithm = True
    rbufsize = _LINE

    def handle(self) -> None:
        self._recipients: list[str] | None = None  # None before MAIL
        verb = ""
        if self.server.journal.plays(DOWN):
            self._say(_NO_SERVICE)
            return
        self._say(b"220 standin.invalid ESMTP")
        while verb != "QUIT" and (line := self.rfile.readline(_LINE)):
            verb, _, rest = line.strip().decode("utf-8", "replace").partition(" ")
            verb = verb.upper()
            if verb in ("AUTH", "MAIL", "RCPT", "DATA"):
                answer = getattr(self, f"_{verb.lower()}")(rest)
            else:
                answer = _ANSWERS.get(verb, b"500 5.5.2 Not a command of mine")
                self._recipients = None if verb == "RSET" else self._recipients
            if not answer:
                return
            self._say(answer)

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def _auth(self, rest: str) -> bytes:
        if rest.strip().encode() == _SIGN_IN:
            return b"235 2.7.0 Authentication successful"
        return b"535 5.7.8 Authentication credentials invalid"

    def _mail(self, rest: str) -> bytes:
        if self.server.journal.plays(DOWN):
            self._say(_NO_SERVICE)
            return b""
        found = _ADDRESS.match(rest)
        self._recipients = [] if found and found[1] else None
        return b"501 5.1.7 MAIL FROM:<address>, please" if self._recipients is None else b"250 2.1.0 Ok"

    def _rcpt(self, rest: str) -> bytes:
        found = _ADDRESS.match(rest)
        if self._recipients is None:
            return b"503 5.5.1 MAIL first"
        if found is None or "@" not in found[1]:
            return b"501 5.1.3 RCPT TO:<address>, please"
        if refusal := REFUSALS.get(conduct.of_address(found[1])):
            return refusal.format(found[1]).encode()
        self._recipients.append(found[1])
        return b"250 2.1.5 Ok"

    def _data(self, rest: str) -> bytes:
        """The answer; empty where the connection is to end without one."""
        if not self._recipients:
            return b"503 5.5.1 RCPT first"
        self._say(b"354 End with a dot on a line of its own")
        octets = bytearray()
        while (line := self.rfile.readline(_LINE)) != b".\r\n":
            if not line:
                return b""
            octets += line.removeprefix(b".")
        recipients, self._recipients = self._recipients, None
        if self.server.journal.is_out:
            refusal = b"550 5.7.1 Outage: not accepted"
            return refusal if self.server.journal.plays(REFUSING) else b"451 4.3.0 Outage: try again later"
        return self._handed_over(recipients, bytes(octets))

    def _handed_over(self, recipients: list[str], octets: bytes) -> bytes:
        manner, message = conduct.of_address(recipients[0]), email.message_from_bytes(octets)
        failing = conduct.fails_this_time(manner, _key(message))
        for recipient in recipients:
            self.server.journal.write(
                destination=recipient,
                key=_key(message),
                subject=str(email.header.make_header(email.header.decode_header(message.get("Subject", "")))),
                # A mail's last line always ends, whether the text's did or not.
                body=_text(message).replace(b"\r\n", b"\n").rstrip(b"\n"),
                size=len(octets),
                html=message.is_multipart(),
            )
        return b"" if failing else b"250 2.0.0 Ok: recorded"


def _key(message: Message) -> str:
    return str(message.get("Message-ID", "")).strip("<> ").partition("@")[0]


def _text(message: Message) -> bytes:
    part = next((part for part in message.walk() if part.get_content_type() == "text/plain"), None)
    text = part.get_payload(decode=True) if part else b""
    return text if isinstance(text, bytes) else b""
