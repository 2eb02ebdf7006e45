"""A mail server that keeps a journal instead of delivering. Some addresses misbehave: see conduct.py.

A thread a connection on plain sockets: aiosmtpd needs three times the processor for a mail, and benchmarks run this beside what they
measure. The tests hold it against smtplib and Django, and our channel against aiosmtpd.
"""

import base64
import contextlib
import email
import email.header
import socket
import socketserver
import threading
from email.message import Message
from typing import Any

from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from commlog.demo.standins.journal import Journal

_LARGEST = 32 * 1024 * 1024  # octets of a mail
_LINE = 64 * 1024
# Nobody has to sign in; who does, with these.
USERNAME, PASSWORD = "commlog", "demo-password"

_AT_RCPT = {
    Conduct.NOBODY: "550 5.1.1 <{}>: Recipient address rejected: User unknown in virtual mailbox table",
    Conduct.FULL: "552 5.2.2 <{}>: Mailbox is full",
    Conduct.BUSY: "451 4.7.1 <{}>: Greylisted, please try again later",
}
_AFTER_DATA = {
    Conduct.BLOCKED: b"554 5.7.1 Message refused: our users do not wish to get mail of this kind",
    Conduct.FLAKY: b"451 4.3.2 System not accepting messages for a moment",
}


class _Session(socketserver.BaseRequestHandler):
    """One connection: RFC 5321's minimum, SIZE and PIPELINING."""

    server: "SmtpStandIn"
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self._input, self._output = bytearray(), bytearray()
        self._sender, self._recipients = "", list[str]()
        try:
            self._converse()
        finally:
            with contextlib.suppress(OSError):
                self._flush()

    def _converse(self) -> None:
        self._say(b"220 standin.invalid ESMTP")
        while line := self._line():
            verb, _, rest = line.strip().decode("utf-8", "replace").partition(" ")
            act = getattr(self, f"_{verb.lower()}", None) if verb.isalpha() else None
            if verb.upper() == "QUIT":
                self._say(b"221 2.0.0 Bye")
                return
            if act is None or verb.lower() not in _VERBS:
                self._say(b"500 5.5.2 Not a command of mine")
            else:
                act(rest)

    def _line(self) -> bytes:
        """The next line; empty at the end of the connection."""
        while (end := self._input.find(b"\n")) < 0:
            if len(self._input) > _LINE or not self._more():
                return b""
        line = bytes(self._input[: end + 1])
        del self._input[: end + 1]
        return line

    def _more(self) -> bool:
        """Answer what has been read, then wait for more (RFC 2920: answers may travel together too)."""
        self._flush()
        octets = self.request.recv(_LINE)
        self._input += octets
        return bool(octets)

    def _flush(self) -> None:
        output = bytes(self._output)
        self._output.clear()
        if output:
            self.request.sendall(output)

    def _say(self, line: bytes) -> None:
        self._output += line + b"\r\n"

    def _ehlo(self, rest: str) -> None:
        self._say(b"250-standin.invalid\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 SIZE %d" % _LARGEST)

    def _helo(self, rest: str) -> None:
        self._say(b"250 standin.invalid")

    def _auth(self, rest: str) -> None:
        expected = base64.b64encode(f"\0{USERNAME}\0{PASSWORD}".encode()).decode()
        right = rest.upper().startswith("PLAIN ") and rest[6:].strip() == expected
        self._say(b"235 2.7.0 Authentication successful" if right else b"535 5.7.8 Authentication credentials invalid")

    def _noop(self, rest: str) -> None:
        self._say(b"250 2.0.0 Ok")

    def _rset(self, rest: str) -> None:
        self._sender, self._recipients = "", []
        self._say(b"250 2.0.0 Ok")

    def _mail(self, rest: str) -> None:
        self._sender, self._recipients = _path(rest, "FROM:"), []
        self._say(b"250 2.1.0 Ok" if self._sender else b"501 5.1.7 MAIL FROM:<address>, please")

    def _rcpt(self, rest: str) -> None:
        recipient = _path(rest, "TO:")
        if not self._sender:
            self._say(b"503 5.5.1 MAIL first")
        elif "@" not in recipient:
            self._say(b"501 5.1.3 RCPT TO:<address>, please")
        elif refusal := _AT_RCPT.get(conduct.of_address(recipient)):
            self._say(refusal.format(recipient).encode())
        else:
            self._recipients.append(recipient)
            self._say(b"250 2.1.5 Ok")

    def _data(self, rest: str) -> None:
        if not self._recipients:
            self._say(b"503 5.5.1 RCPT first")
            return
        self._say(b"354 End with a dot on a line of its own")
        octets = self._until_the_dot()
        if octets is None:
            return
        if self.server.journal.is_out:
            self._say(b"451 4.3.0 Outage: try again later")
        elif len(octets) > _LARGEST:
            self._say(b"552 5.3.4 Too large")
        else:
            self._say(self._hand_over(octets))
        self._sender, self._recipients = "", []

    def _hand_over(self, octets: bytes) -> bytes:
        """The answer. Raises ConnectionAbortedError where there is none: the server drops the connection on it."""
        manner = conduct.of_address(self._recipients[0])
        failing = manner is not Conduct.FINE and conduct.fails_this_time(manner, _key(email.message_from_bytes(octets)))
        if failing and manner in _AFTER_DATA:
            return _AFTER_DATA[manner]
        for recipient in self._recipients:
            _record(self.server.journal, recipient, octets)
        if failing:
            raise ConnectionAbortedError("taken, and nothing said")
        return b"250 2.0.0 Ok: recorded"

    def _until_the_dot(self) -> bytes | None:
        """The mail without the stuffed dots; None where the connection ended before its end."""
        looked, too_large = 0, False
        while not self._input.startswith(b".\r\n") and (end := self._input.find(b"\r\n.\r\n", looked)) < 0:
            if len(self._input) > _LARGEST + _LINE:  # what is beyond is read, refused and not kept
                del self._input[:-4]
                too_large = True
            looked = max(0, len(self._input) - 4)
            if not self._more():
                return None
        mail = b"" if self._input.startswith(b".\r\n") else bytes(self._input[: end + 2])
        del self._input[: len(mail) + 3]
        if too_large:
            return bytes(_LARGEST + 1)
        return mail.replace(b"\r\n..", b"\r\n.").removeprefix(b".") if b"\n.." in mail else mail


_VERBS = frozenset({"ehlo", "helo", "noop", "rset", "mail", "rcpt", "data", "auth"})


def _path(text: str, keyword: str) -> str:
    """The address in `FROM:<address> SIZE=…`; empty where the text is something else."""
    if text[: len(keyword)].upper() != keyword:
        return ""
    _, opening, rest = text[len(keyword) :].partition("<")
    address, closing, _ = rest.partition(">")
    return address if opening and closing else ""


def _record(journal: Journal, recipient: str, octets: bytes) -> None:
    message = email.message_from_bytes(octets)
    journal.write(
        destination=recipient,
        key=_key(message),
        subject=str(email.header.make_header(email.header.decode_header(message.get("Subject", "")))),
        body=_text(message).replace(b"\r\n", b"\n").rstrip(b"\n"),  # a mail's last line always ends, whether the text's did or not
        size=len(octets),
        html=message.is_multipart(),
    )


def _key(message: Message) -> str:
    return str(message.get("Message-ID", "")).strip("<> ").partition("@")[0]


def _text(message: Message) -> bytes:
    part = next((part for part in message.walk() if part.get_content_type() == "text/plain"), None)
    text = part.get_payload(decode=True) if part else b""
    return text if isinstance(text, bytes) else b""


class SmtpStandIn(socketserver.ThreadingTCPServer):
    """Serves on 127.0.0.1 in threads until it is closed."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, journal: Journal, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Session)
        self.journal = journal
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.1,), name="smtp-stand-in", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
