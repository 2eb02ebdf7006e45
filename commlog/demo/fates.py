"""What becomes of an invented message: its tries, how each ended, and why, as often as in real life."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from random import Random
from typing import Any
from urllib.parse import urlsplit

from commlog.demo.standins import conduct, smtp, web
from commlog.demo.standins.conduct import Conduct
from notifications import channels
from notifications.failures import Reason
from notifications.failures.meanings import stored
from notifications.states import MessageState, MessageType, Outcome

_EMAIL, _SMS = MessageType.EMAIL, MessageType.SMS
_HOOK, _STREAM = MessageType.WEB_HOOK, MessageType.EVENT_STREAM
_OUTCOMES = {"+": Outcome.ACCEPTED, "-": Outcome.REFUSED, "?": Outcome.UNKNOWN, "0": Outcome.ABANDONED}
_MAIL, _HTTP = Reason.MESSAGING_EXCEPTION, Reason.INVALID_HTTP_RESPONSE
_SILENT = "The connection ended before an answer came."
LOST = "The sender was lost before anything was sent."
_SPELLED = "Hello, our terms change on the first of the month. " * 40


@dataclass(frozen=True)
class Fate:
    """How the tries ended in order, why some failed, and what of the message caused it."""

    tries: str
    reason: str = ""
    cause: str = ""
    often: int = 0  # of a thousand messages of its channel to addresses that behave
    caused_by: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def state(self) -> MessageState:
        return MessageState.SENT if self.tries.endswith("+") else MessageState.FAILED

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        return tuple(_OUTCOMES[sign] for sign in self.tries)

    @cached_property
    def outcome(self) -> str:
        """Of the message: accepted if any was, else unknown if any was, else refused."""
        return next((_OUTCOMES[sign].value for sign in "+?-" if sign in self.tries), "")

    def meant(self, channel: MessageType) -> dict[str, str]:
        """What its message says of its failure; of one that was sent nothing."""
        if self.state == MessageState.SENT:
            return {"failure_meaning": "", "failure_level": ""}
        return stored(channels.meaning_of(channel, self.reason, self.cause, self.outcome))


DELIVERED, _ALWAYS, _BUSY = Fate("+"), "------", "HTTP 503: Service unavailable"
_FATES: dict[MessageType, tuple[Fate, ...]] = {
    _EMAIL: (
        Fate("---+", _MAIL, "451 4.7.1 Greylisted, please try again later", 20),
        Fate("0+", often=1),
        Fate("?+", _MAIL, _SILENT, 2),
        Fate(_ALWAYS, _MAIL, "452 4.2.2 The recipient's mailbox is full", 14),
        Fate(_ALWAYS, Reason.INVALID_SMTP_CREDENTIALS, "535 5.7.8 Authentication credentials invalid", 10),
        Fate("", Reason.EMAIL_SERVICE_NOT_ENABLED, "EMAIL_URL is not set.", 2),
        Fate("", Reason.UNSUPPORTED_ENCODING_EXCEPTION, "The subject has a control character.",
             1, {"subject": "Your statement\x07"}),
        Fate("", Reason.MISSING_TEMPLATE_KEY,
             "The template was deleted while this message was being made.", 1, {"template_id": None}),
        Fate("000", Reason.OTHER, "3 senders in a row were lost before they could send this message.", 1),
    ),
    _SMS: (
        Fate("-+", Reason.SMS_SERVICE_ERROR, "20503: Service unavailable", 20),
        Fate("?", Reason.SMS_CONNECTION_EXCEPTION, _SILENT, 2),
        Fate("?", Reason.SMS_GATEWAY_ERROR, "20500: An internal server error has occurred", 1),
        Fate(_ALWAYS, Reason.SMS_SERVICE_ERROR, "21610: Attempt to send to unsubscribed recipient", 9),
        Fate(_ALWAYS, Reason.SMS_NOT_SENT, "30003: Unreachable destination handset", 9),
        Fate(_ALWAYS, Reason.INVALID_SMS_GATEWAY_CREDENTIALS, "20003: Authenticate", 6),
        Fate("", Reason.SMS_SERVICE_NOT_ENABLED, "TWILIO_ACCOUNT_SID is not set.", 2),
        Fate("", Reason.SMS_TOO_LONG, f"{len(_SPELLED):,} characters.", 1, {"content": _SPELLED}),
    ),
    _HOOK: (
        Fate("-+", _HTTP, _BUSY, 14),
        Fate("---+", _HTTP, "HTTP 429: Too many requests", 6),
        Fate("?+", Reason.HTTP_ERROR_WHILE_SENDING, _SILENT, 2),
        Fate(_ALWAYS, _HTTP, "HTTP 401: Unauthorized", 17),
        Fate(_ALWAYS, Reason.HTTP_ERROR_WHILE_SENDING, "Connection refused", 8),
        Fate("", Reason.WEBHOOK_NOTIFICATIONS_DISABLED, "Webhooks were switched off by an administrator.", 2),
        Fate("", Reason.INVALID_JSON_BODY_SYNTAX, "The text is not valid JSON.",
             2, {"content": '{"event": "LOAN_REPAYMENT", "amount": {'}),
        Fate("", Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED, "The message is larger than 1 MiB.",
             0, {"content": '"' + "QUJD" * 270_000 + '"'}),
        Fate("", Reason.BLACKLISTED_URL, "10.20.0.15 is a private address.",
             1, {"destination": "https://10.20.0.15/core/hooks"}),
        Fate("", Reason.INVALID_HTTP_PROTOCOL, "ftp is not allowed.",
             1, {"destination": "ftp://files.example.org/in"}),
    ),
    _STREAM: (Fate("-", Reason.OTHER, "The stream could not be written", 2),),
}  # fmt: skip
FAILURES = {
    channel: [each for each in fates if each.state == MessageState.FAILED]
    for channel, fates in _FATES.items()
}
# What the stand-ins do to destinations that misbehave, in their own words.
_HABITS: dict[tuple[MessageType, Conduct], Fate] = {
    **{(_EMAIL, each): Fate(_ALWAYS, _MAIL, said.format("…")) for each, said in smtp.REFUSALS.items()},
    (_EMAIL, Conduct.SILENT): Fate("??????", _MAIL, _SILENT),
    (_EMAIL, Conduct.FORGETFUL): Fate("?+", _MAIL, _SILENT),
    **{
        (_SMS, each): Fate(_ALWAYS, Reason.SMS_SERVICE_ERROR, f"{code}: {said}")
        for each, (_, code, said) in web.REFUSALS.items()
    },
    (_SMS, Conduct.SILENT): Fate("?", Reason.SMS_CONNECTION_EXCEPTION, _SILENT),
    (_SMS, Conduct.UNREACHABLE): Fate(_ALWAYS, Reason.SMS_NOT_SENT, "30003: Unreachable destination handset"),
    (_HOOK, Conduct.BUSY): Fate(_ALWAYS, _HTTP, _BUSY),
    (_HOOK, Conduct.SILENT): Fate("??????", Reason.HTTP_ERROR_WHILE_SENDING, _SILENT),
    (_HOOK, Conduct.FORGETFUL): Fate("?+", Reason.HTTP_ERROR_WHILE_SENDING, _SILENT),
}
_OLD_HOOK = Fate(_ALWAYS, _HTTP, "HTTP 404: Not found")
_NO_ADDRESS = {
    _EMAIL: Fate("", Reason.MISSING_EMAIL_RECIPIENT_ADDRESS, "The recipient has no e-mail address."),
    _SMS: Fate("", Reason.MISSING_SMS_RECIPIENT, "The recipient has no mobile number."),
}
_UNDEFINED = Fate("", Reason.UNDEFINED_DESTINATION, "This is no telephone number.")
_ANSWERS = {_EMAIL: "250 2.0.0 Ok: queued as {}", _SMS: "queued", _HOOK: "HTTP 200: ok", _STREAM: ""}


def fate_of(channel: MessageType, destination: str, rng: Random, *, again: bool = False) -> Fate:
    """One of everything, as often as it comes; what failed fails more often, some destinations always."""
    known = _by_destination(channel, destination)
    if known or (channel == _STREAM and again):
        return known or DELIVERED
    if again and rng.randrange(4) == 0:
        return next(each for each in _FATES[channel] if each.tries == _ALWAYS)
    left = rng.randrange(1_000)
    for fate in _FATES[channel]:
        left -= fate.often
        if left < 0:
            return fate
    return DELIVERED


@lru_cache(50_000)
def _by_destination(channel: MessageType, destination: str) -> Fate | None:
    if channel in _NO_ADDRESS and not destination:
        return _NO_ADDRESS[channel]
    if channel == _EMAIL:
        return _HABITS.get((channel, conduct.of_address(destination)))
    if channel == _SMS:
        known = destination.startswith("+")
        return _HABITS.get((channel, conduct.of_number(destination))) if known else _UNDEFINED
    path = urlsplit(destination).path
    return _OLD_HOOK if path.startswith("/fail/404") else _HABITS.get((channel, conduct.of_path(path)))


def answer(channel: MessageType, rng: Random) -> str:
    """What a provider says that accepts."""
    return _ANSWERS[channel].format(f"{rng.getrandbits(40):010X}")
