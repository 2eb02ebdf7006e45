"""One SMTP session that records how far it got: a failure has another meaning after the final dot."""

import binascii
import contextlib
import functools
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from notifications.channels.net.connecting import Address, connect, resolve
from notifications.channels.net.deadline import Deadline

_REPLY_OCTETS = 64 * 1024  # of one reply; a server that goes on for longer is not talking SMTP
_GARBAGE = -1  # smtplib's word for a reply without a number
_SLICE = 64 * 1024
_NUMBER = re.compile(rb"[0-9]{3}")
_BEGINS_A_REPLY = re.compile(rb"[0-9]{3}[ -]")  # of a line whose end did not come
_WAYS_TO_SIGN_IN = ("CRAM-MD5", "PLAIN", "LOGIN")  # that smtplib knows


class Stage(IntEnum):
    """The steps of a session.

    Until BODY nothing can have been accepted; from AFTER_DOT on the message may have been.
    """

    CONNECT = 1
    GREETING = 2
    EHLO = 3
    STARTTLS = 4
    AUTH = 5
    MAIL = 6
    RCPT = 7
    DATA = 8
    BODY = 9
    AFTER_DOT = 10


class Refusal(Exception):
    """The server's answer was not a positive one."""

    def __init__(self, code: int, text: bytes) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Server:
    """The address, credentials and TLS mode of a mail server. At most one of the two kinds of TLS."""

    host: str
    port: int
    username: str = ""
    password: str = ""
    use_tls: bool = False
    use_ssl: bool = False
    ehlo_name: str = ""  # what we call ourselves; without it our address, which some relays refuse


@functools.cache
def tls() -> ssl.SSLContext:
    """Return the TLS context. It verifies certificates and names against the system's store."""
    return ssl.create_default_context()


class SmtpSession(smtplib.SMTP):
    """An SMTP session: smtplib for greeting, STARTTLS and sign-in, `transmit` for each message."""

    sock: socket.socket | None

    def __init__(self, server: Server) -> None:
        # To look up a name of our own would take a DNS query of unknown length; RFC 5321 4.1.3 allows the
        # address, which `open` fills in.
        super().__init__(local_hostname="localhost")
        self.server = server
        self.stage = Stage.CONNECT
        self.deadline = Deadline(0)
        self.messages = 0
        self.used = 0.0
        self.opened = time.monotonic()
        self.said: tuple[int, bytes] | None = None  # the last reply that was not a yes
        self._unfinished = False  # a transaction was begun and refused: RSET before the next

    @property
    def is_open(self) -> bool:
        return self.sock is not None

    def open(self, deadline: Deadline) -> None:
        """Connect, greet, secure and sign in. Raises Refusal, smtplib.SMTPException or OSError."""
        self.deadline = deadline
        self._host = self.server.host  # smtplib checks the certificate's name against it
        self.stage = Stage.CONNECT
        self.sock = self._greeted(resolve(self.server.host, self.server.port, deadline))
        self.stage = Stage.EHLO
        self.ehlo_or_helo_if_needed()
        if self.server.use_tls:
            self.stage = Stage.STARTTLS
            if not self.has_extn("starttls"):
                raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS")
            self.starttls(context=tls())
            deadline.watch(self.sock)
            self.stage = Stage.EHLO
            self.ehlo_or_helo_if_needed()
        if self.server.username:
            self.stage = Stage.AUTH
            self._sign_in()
        # From here on the watchdog sees to the time: a timeout of its own costs a socket a poll each time.
        self.sock.settimeout(None)

    def _greeted(self, addresses: Sequence[Address]) -> socket.socket:
        """Return the connection to the first address that greets us (RFC 5321 5.1). Raises the last error."""
        *others, last = addresses
        for tried, address in enumerate(others):
            try:
                return self._greet(address, more=len(others) - tried)
            except (Refusal, smtplib.SMTPException, OSError):
                self.close()
                if self.deadline.expired:
                    raise
        return self._greet(last, more=0)

    def _greet(self, address: Address, *, more: int) -> socket.socket:
        self.stage = Stage.CONNECT
        sock = connect([address], self.deadline, more=more)
        self.local_hostname = self.server.ehlo_name or _address_literal(sock)
        if self.server.use_ssl:
            sock = tls().wrap_socket(sock, server_hostname=self.server.host)
            self.deadline.watch(sock)
        self.sock = sock
        self.stage = Stage.GREETING
        self._expect(2, self.getreply())
        sock.settimeout(self.deadline.remaining())
        return sock

    def _sign_in(self) -> None:
        """Sign in by the best method offered, only: smtplib would try a wrong password by each of them."""
        offered = self.esmtp_features.get("auth", "").upper().split()
        best = next((way for way in _WAYS_TO_SIGN_IN if way in offered), None)
        if best is None:
            ways = f"only ways to sign in that Commlog does not know: {' '.join(offered)}"
            raise smtplib.SMTPNotSupportedError(f"the server offers {ways if offered else 'no sign-in'}")
        self.esmtp_features["auth"] = best
        try:
            self.login(self.server.username, self.server.password)
        except binascii.Error as error:
            raise smtplib.SMTPException(
                "the server asked for the sign-in in no way that can be read"
            ) from error

    def resume(self, deadline: Deadline) -> None:
        """Reuse a kept session under the deadline of the next message."""
        self.deadline = deadline
        self.stage = Stage.MAIL
        self.said = None
        if self.sock is not None:
            deadline.watch(self.sock)
        if self._unfinished:
            code, _ = self.docmd("RSET")
            if code // 100 != 2:  # about none of our messages: the connection is of no more use
                raise smtplib.SMTPException("the server refused to begin anew")
            self._unfinished = False

    def transmit(self, origin: str, to: str, mail: bytes) -> tuple[int, bytes]:
        """Send a mail and return the answer. Raises Refusal, SMTPException or OSError; see `stage`."""
        self.messages += 1
        self._unfinished = True
        size = f" SIZE={len(mail)}" if self.has_extn("size") else ""
        self._announce(
            (
                (Stage.MAIL, 2, f"MAIL FROM:<{origin}>{size}\r\n"),
                (Stage.RCPT, 2, f"RCPT TO:<{to}>\r\n"),
                (Stage.DATA, 3, "DATA\r\n"),
            )
        )
        self.stage = Stage.BODY
        self._write(_dot_stuffed(mail) + b".\r\n")
        reply = self.getreply()
        self._expect(2, reply)
        self._unfinished = False
        return reply

    def _announce(self, commands: tuple[tuple[Stage, int, str], ...]) -> None:
        """Send the commands before the text, in one write if PIPELINING is offered (RFC 2920)."""
        pipelined = self.has_extn("pipelining")
        if pipelined:
            self.stage = Stage.MAIL
            self.send("".join(command for _, _, command in commands))
        for number, (stage, first_digit, command) in enumerate(commands):
            self.stage = stage
            if not pipelined:
                self.send(command)
            reply = self.getreply()
            if reply[0] // 100 != first_digit:
                if pipelined:
                    self._read_on(len(commands) - number - 1)
                raise Refusal(*reply)

    def _read_on(self, replies: int) -> None:
        """Read the replies to commands sent after a refused one. The refusal counts anyway."""
        with contextlib.suppress(smtplib.SMTPException, OSError):
            code = 0
            for _ in range(replies):
                code, _text = self.getreply()
            if code == 354:  # RFC 2920 3.1: it wants a text all the same; an empty one goes to nobody
                self.send(".\r\n")
                self.getreply()

    def _write(self, octets: bytes) -> None:
        """Send the mail. All up to the dot is stage BODY.

        Once the kernel was offered the dot, nobody knows whether it left.
        """
        assert self.sock is not None
        view, sent = memoryview(octets), 0
        while sent < len(octets):
            if sent + _SLICE >= len(octets):
                self.stage = Stage.AFTER_DOT
            sent += self.sock.send(view[sent : sent + _SLICE])

    def _expect(self, first_digit: int, reply: tuple[int, bytes]) -> None:
        code, text = reply
        if code // 100 != first_digit:
            raise Refusal(code, text)

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply, and keep a negative one: a server often gives a reason and then hangs up."""
        reply = self._read_reply()
        if not 200 <= reply[0] < 400:
            self.said = reply
        return reply

    def _read_reply(self) -> tuple[int, bytes]:
        """Read a reply as smtplib does, but of limited length. The watchdog limits the time."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        if self.file is None:
            self.file = self.sock.makefile("rb")
        lines: list[bytes] = []
        code = octets = 0
        while octets <= _REPLY_OCTETS:
            try:
                line = self.file.readline(8 * 1024)
            except OSError as error:
                return self._broken_off(code, lines, str(error), error)
            if not line.endswith(b"\n"):
                if len(line) >= 8 * 1024:
                    break
                if _BEGINS_A_REPLY.match(line):
                    code = int(line[:3])
                    lines.append(line[4:].strip())
                return self._broken_off(code, lines, "the server closed the connection")
            octets += len(line)
            lines.append(line[4:].strip())
            if not _NUMBER.match(line):
                return _GARBAGE, line.strip()
            code = int(line[:3])
            if line[3:4] != b"-":
                return code, b"\n".join(lines)
        self._keep(code, lines)
        self.close()
        raise smtplib.SMTPServerDisconnected("the server's reply has no end")

    def _broken_off(
        self, code: int, lines: list[bytes], why: str, error: OSError | None = None
    ) -> tuple[int, bytes]:
        """Return an unfinished reply that is a refusal by its number; every line has one.

        Raises SMTPServerDisconnected for an unfinished positive reply.
        """
        late = self.deadline.expired
        self.close()
        if 400 <= code < 600 and not late:
            return code, b"\n".join(lines)
        self._keep(code, lines)
        raise smtplib.SMTPServerDisconnected(why) from error

    def _keep(self, code: int, lines: list[bytes]) -> None:
        if lines:
            self.said = code, b"\n".join(lines)[:_REPLY_OCTETS]

    def leave(self) -> None:
        """Send QUIT and close without waiting: nothing depends on the answer."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.settimeout(1)
                self.sock.sendall(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()
        self.used = time.monotonic()


def _address_literal(sock: socket.socket) -> str:
    address = sock.getsockname()[0].partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _dot_stuffed(mail: bytes) -> bytes:
    """Return the mail with leading dots doubled (RFC 5321 4.5.2).

    A mail begins with a header, never with a dot.
    """
    return mail.replace(b"\n.", b"\n..")
