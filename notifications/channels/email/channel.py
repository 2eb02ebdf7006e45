"""E-mail over SMTP: one recipient per message, kept connections, one deadline, every failure classified."""

import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from notifications.channels.base.blank import is_blank, is_blank_html
from notifications.channels.base.contract import About, DeliveryError, Envelope, Failure, Receipt, never
from notifications.channels.base.detail import LIMIT, cleaned, in_words
from notifications.channels.base.facts import ALERTS, Facts
from notifications.channels.email import answers, meanings
from notifications.channels.email.addresses import pasted_address, plain_address
from notifications.channels.email.connection_pool import ConnectionPool
from notifications.channels.email.letter import compose, sender
from notifications.channels.email.smtp_session import Refusal, Server, SmtpSession, Stage
from notifications.channels.net.connecting import speaks_no_tls
from notifications.channels.net.deadline import Deadline
from notifications.failures import Reason
from notifications.failures.meanings import Meaning
from notifications.states import MessageType, Outcome

LARGEST = 1024 * 1024  # octets of UTF-8, subject and texts together

_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# RFC 4954 6: sign in first, the way is too weak, the credentials are wrong
_CREDENTIALS = frozenset({530, 534, 535})
_CLOSING = 421
_QUEUED_AS = re.compile(r"queued as (\S{1,100})", re.IGNORECASE)
_DOING = {
    Stage.CONNECT: "connecting to the mail server",
    Stage.GREETING: "waiting for the mail server's greeting",
    Stage.EHLO: "greeting the mail server",
    Stage.STARTTLS: "securing the connection to the mail server",
    Stage.AUTH: "signing in to the mail server",
    Stage.MAIL: "naming the sender to the mail server",
    Stage.RCPT: "naming the recipient to the mail server",
    Stage.DATA: "announcing the text to the mail server",
    Stage.BODY: "sending the text to the mail server",
    Stage.AFTER_DOT: "waiting for the mail server to accept the text",
}


class EmailChannel(Facts):
    """The mail server of EMAIL_URL."""

    type = MessageType.EMAIL
    one, icon, destination_name = "an e-mail", "envelope", "e-mail address"
    for_people, contact = True, "email"
    destination_pattern = rf"^ *{_ATOM}(\.{_ATOM})*@[^@\x00-\x20]+ *$"
    destination_help = (
        "One address; what is before the @ has at most 64 characters, what is behind it is a domain"
    )
    fields, longest = ("subject", "html"), 100_000
    when_off, without_destination = Reason.EMAIL_SERVICE_NOT_ENABLED, Reason.MISSING_EMAIL_RECIPIENT_ADDRESS
    pasted, spelled = staticmethod(pasted_address), staticmethod(plain_address)
    width = 4
    permits = 20
    ahead = 60.0
    inline = False

    def __init__(
        self,
        host: str,
        port: int,
        username: str = "",
        password: str = "",
        use_tls: bool = False,
        use_ssl: bool = False,
        from_address: str = "",
        deadline: float = 60.0,
        *,
        reply_to: str = "",
        ehlo_name: str = "",
        alerts: tuple[str, Mapping[str, Any]] = ("", {}),
    ) -> None:
        self._server = Server(host, port, username, password, use_tls, use_ssl, ehlo_name)
        self._alerts_to, second = alerts
        self._alert_server = _second_server(second, ehlo_name) or self._server
        self._alert_pool = ConnectionPool()
        self._from = from_address
        self._reply_to = reply_to
        self._deadline = deadline
        self._pool = ConnectionPool()

    @classmethod
    def from_settings(cls) -> "EmailChannel":
        return cls(
            settings.EMAIL_HOST,
            settings.EMAIL_PORT,
            settings.EMAIL_HOST_USER,
            settings.EMAIL_HOST_PASSWORD,
            settings.EMAIL_USE_TLS,
            settings.EMAIL_USE_SSL,
            settings.DEFAULT_FROM_EMAIL,
            reply_to=settings.REPLY_TO_EMAIL,
            ehlo_name=settings.SMTP_EHLO_NAME,
            alerts=(settings.ALERT_EMAIL, settings.ALERT_EMAIL_URL),
        )

    @classmethod
    def alert(cls, subject: str, text: str) -> dict[str, str] | None:
        to = settings.ALERT_EMAIL
        return {"destination": to, "subject": subject, "body": text} if to else None

    @classmethod
    def uses(cls) -> list[tuple[str, str]]:
        tls = "STARTTLS" if settings.EMAIL_USE_TLS else "TLS" if settings.EMAIL_USE_SSL else "no encryption"
        return [
            (
                "Mail server",
                f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}, {tls}"
                if settings.EMAIL_HOST
                else "none: set EMAIL_URL",
            ),
            ("Authentication", "user name and password" if settings.EMAIL_HOST_USER else "none"),
            ("Sender", settings.DEFAULT_FROM_EMAIL),
            ("Replies", settings.REPLY_TO_EMAIL or "to the sender"),
        ]

    @classmethod
    def answered(cls, reason: str, said: str) -> Meaning | None:
        return meanings.meaning(said) if said else None

    @classmethod
    def redirected(cls, envelope: Envelope, target: str) -> Envelope:
        subject = f"[to {envelope.destination}] {envelope.subject}"
        return replace(envelope, destination=target, subject=subject)

    def lane(self, destination: str) -> str:
        if self._is_alert(destination):
            return f"{self._alert_server.host}:{self._alert_server.port}{ALERTS}"
        return f"{self._server.host}:{self._server.port}"

    def _is_alert(self, destination: str) -> bool:
        return bool(self._alerts_to) and destination.strip() == self._alerts_to

    def ready(self) -> None:
        self._ready(self._server)

    def _ready(self, server: Server) -> None:
        if not server.host:
            raise never(Reason.EMAIL_SERVICE_NOT_ENABLED, "EMAIL_URL names no mail server")

    def check(self, envelope: Envelope) -> None:
        self._checked(envelope)

    def _checked(self, envelope: Envelope) -> tuple[str, bytes]:
        """Return the address and the mail. Raises DeliveryError if the message cannot be sent."""
        self._ready(self._alert_server if self._is_alert(envelope.destination) else self._server)
        if not envelope.destination.strip():
            raise never(Reason.MISSING_EMAIL_RECIPIENT_ADDRESS, "the message has no address")
        texts = (envelope.subject, envelope.body, envelope.html)
        if (
            sum(map(len, texts)) > LARGEST
            or sum(len(text.encode("utf-8", "replace")) for text in texts) > LARGEST
        ):
            raise never(
                Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED, f"the message is larger than {LARGEST} octets"
            )
        return self._compose(_without_blank_part(envelope))

    def send(self, envelope: Envelope) -> Receipt:
        to, mail = self._checked(envelope)
        server, pool = self._server, self._pool
        if self._is_alert(envelope.destination):
            server, pool = self._alert_server, self._alert_pool
        with Deadline(self._deadline) as deadline:
            kept = pool.take()
            if kept is not None:
                try:
                    return self._attempt(kept, pool, deadline, to, mail)
                except _Stale:
                    # It died while it was kept, or has carried as many as it may: once more over a new one.
                    pass
            return self._attempt(SmtpSession(server), pool, deadline, to, mail)

    def close(self) -> None:
        self._pool.drain()
        self._alert_pool.drain()

    def _compose(self, envelope: Envelope) -> tuple[str, bytes]:
        try:
            to = plain_address(envelope.destination)
        except ValueError as error:
            raise never(Reason.UNDEFINED_DESTINATION, f"not a usable e-mail address: {error}") from error
        try:  # settings.py refuses the same at the start
            origin, reply_to = sender(self._from), sender(self._reply_to) if self._reply_to else None
        except ValueError as error:
            detail = f"DEFAULT_FROM_EMAIL or REPLY_TO_EMAIL is not usable: {error}"
            raise never(Reason.UNSUPPORTED_ENCODING_EXCEPTION, detail) from error
        return to, compose(envelope, to, origin, reply_to)

    def _attempt(
        self, session: SmtpSession, pool: ConnectionPool, deadline: Deadline, to: str, mail: bytes
    ) -> Receipt:
        """Send one message. The connection is kept if the server left it in order."""
        reused = session.is_open
        in_order = False
        try:
            if reused:
                session.resume(deadline)
            else:
                session.open(deadline)
            number, text = session.transmit(sender(self._from).address, to, mail)
            in_order = True
        except (Refusal, smtplib.SMTPException, OSError, UnicodeError) as error:
            code, stage = _code(error), session.stage
            found = answers.judge(code, _answer(error), stage, reused=reused)
            if found.about is About.SESSION and not deadline.expired:
                raise _Stale from error
            in_order = (
                isinstance(error, Refusal) and stage >= Stage.MAIL and 400 <= code < 600 and code != _CLOSING
            )
            raise _failure(error, code, found, session) from error
        finally:
            if in_order:
                pool.give(session)
            else:
                session.close()
        answer = cleaned(f"{number} {in_words(text)}")
        queued = _QUEUED_AS.search(answer)
        return Receipt(provider_id=queued[1] if queued else "", detail=answer)


def _second_server(url: Mapping[str, Any], ehlo_name: str) -> Server | None:
    """Return the mail server for alerts from ALERT_EMAIL_URL, or None."""
    if not url.get("EMAIL_HOST"):
        return None
    return Server(
        url["EMAIL_HOST"],
        url["EMAIL_PORT"],
        url.get("EMAIL_HOST_USER", ""),
        url.get("EMAIL_HOST_PASSWORD", ""),
        url.get("EMAIL_USE_TLS", False),
        url.get("EMAIL_USE_SSL", False),
        ehlo_name,
    )


class _Stale(Exception):
    """A kept connection is unusable, and nothing of the message was accepted over it."""


def _without_blank_part(envelope: Envelope) -> Envelope:
    """Return the envelope without a blank text or HTML. Raises DeliveryError if both are blank."""
    no_text, no_html = is_blank(envelope.body), is_blank_html(envelope.html)
    if no_text and no_html:
        raise never(Reason.OTHER, "the message is empty: it has no text and no image")
    if no_html:
        return replace(envelope, html="") if envelope.html else envelope
    return replace(envelope, body="") if no_text and envelope.body else envelope


def _code(error: Exception) -> int:
    """Return the number that the server answered, or 0."""
    if isinstance(error, Refusal):
        return max(0, error.code)
    return max(0, error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else 0


def _failure(error: Exception, code: int, found: answers.Finding, session: SmtpSession) -> DeliveryError:
    """Classify a failure by stage, then by the server's number (bench/hostile/mail_stages.py)."""
    stage, clear = session.stage, 400 <= code < 600
    detail, line = _words(error, session), stage < Stage.MAIL or not clear
    if stage == Stage.AFTER_DOT and not clear:
        return DeliveryError(
            Reason.MESSAGING_EXCEPTION, detail, outcome=Outcome.UNKNOWN, lane_fault=True, about=found.about
        )
    if _is_about_our_sign_in(error, code, stage):
        return DeliveryError(Reason.INVALID_SMTP_CREDENTIALS, detail, lane_fault=True, about=found.about)
    # What a server says before MAIL is about the server, not about this message: even 554 may be different in
    # a minute.
    kind = Failure.PERMANENT if code >= 500 and not line else Failure.TRANSIENT
    return DeliveryError(
        Reason.MESSAGING_EXCEPTION,
        detail,
        kind=kind,
        lane_fault=line or found.throttled or code == _CLOSING,
        about=found.about,
        throttled=found.throttled,
        temporary=400 <= code < 500,
    )


def _is_about_our_sign_in(error: Exception, code: int, stage: Stage) -> bool:
    """Return whether the server rejected our sign-in, rather than being broken or busy."""
    if stage == Stage.AUTH:
        return code >= 500 or isinstance(error, UnicodeError | smtplib.SMTPNotSupportedError)
    return code in _CREDENTIALS and Stage.MAIL <= stage <= Stage.DATA


def _answer(error: Exception) -> str:
    """Return the server's words after the number, or ""."""
    if isinstance(error, Refusal):
        return _text(error.text)
    return _text(error.smtp_error) if isinstance(error, smtplib.SMTPResponseException) else ""


def _words(error: Exception, session: SmtpSession) -> str:
    """Return what went wrong, with the server's last words: it often gives a reason and then hangs up."""
    deadline, said, code = session.deadline, "", _code(error)
    if deadline.expired or isinstance(error, TimeoutError):
        said = f"it took longer than {deadline.seconds:g} seconds"
    elif code:
        said = f"{code} {_answer(error)}"
    elif isinstance(error, Refusal | smtplib.SMTPResponseException):
        said = f"an answer that is not SMTP: {_answer(error)}"
    elif isinstance(error, ssl.SSLCertVerificationError):
        said = f"its certificate is not trusted: {error.verify_message}"
    elif speaks_no_tls(error):
        said = (
            "the server does not speak TLS at this port: is EMAIL_URL to begin with smtp:// or smtp+tls://?"
        )
    elif isinstance(error, UnicodeError):
        said = "the username or password contains a character outside ASCII"
    else:
        said = str(error) or type(error).__name__
    last = session.said
    if last and not code and last[0] > 0:
        said = f"{last[0]} {_text(last[1])}; then {said}"
    doing = f" (while {_DOING[session.stage]})"
    return cleaned(said, LIMIT - len(doing)) + doing


def _text(said: bytes | str) -> str:
    return said if isinstance(said, str) else in_words(said)
