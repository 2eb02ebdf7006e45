"""What became of a message that is only made up: its tries and how each ended, as often as in real life."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from notifications.failures import Reason
from notifications.states import MessageState, MessageType, Outcome

_EMAIL, _SMS, _HOOK, _STREAM = MessageType.EMAIL, MessageType.SMS, MessageType.WEB_HOOK, MessageType.EVENT_STREAM
_YES, _NO, _UNKNOWN, _ABANDONED = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.ABANDONED
Refusal = tuple[Reason, str]


@dataclass(frozen=True, slots=True)
class Fate:
    """How the tries ended, one after the other, and the state that this led to."""

    state: MessageState
    outcomes: tuple[Outcome, ...]

    @property
    def outcome(self) -> str:
        """Of the message: accepted if any was, else unknown if any was, else refused."""
        return next((outcome.value for outcome in (_YES, _UNKNOWN, _NO) if outcome in self.outcomes), "")


_SENT, _FAILED = MessageState.SENT, MessageState.FAILED
AT_ONCE = Fate(_SENT, (_YES,))
UNSENDABLE = Fate(_FAILED, ())
WAITS = Fate(MessageState.WAITING, (_NO,))
# Of a thousand messages each; what is left is delivered at the first try.
_COMMON = ((Fate(_SENT, (_NO, _YES)), 14), (Fate(_SENT, (_NO, _NO, _NO, _YES)), 6), (Fate(_SENT, (_ABANDONED, _YES)), 1))
_HOPELESS = ((Fate(_FAILED, (_NO,) * 6), 24), (UNSENDABLE, 8))
_FATES = {
    _EMAIL: (*_COMMON, *_HOPELESS, (Fate(_SENT, (_UNKNOWN, _YES)), 2)),
    _SMS: (*_COMMON, *_HOPELESS, (Fate(_FAILED, (_UNKNOWN,)), 3)),
    _HOOK: (*_COMMON, *_HOPELESS, (Fate(_SENT, (_UNKNOWN, _YES)), 2)),
    _STREAM: ((Fate(_FAILED, (_NO,)), 2),),
}
_REFUSALS: dict[MessageType, Sequence[Refusal]] = {
    _EMAIL: (
        (Reason.MESSAGING_EXCEPTION, "550 5.1.1 The recipient's mailbox does not exist"),
        (Reason.MESSAGING_EXCEPTION, "452 4.2.2 The recipient's mailbox is full"),
        (Reason.MESSAGING_EXCEPTION, "451 4.3.0 Too busy, try again later"),
        (Reason.INVALID_SMTP_CREDENTIALS, "535 5.7.8 Authentication failed"),
    ),
    _SMS: (
        (Reason.SMS_SERVICE_ERROR, "21211: The 'To' number is not a valid phone number"),
        (Reason.SMS_NOT_SENT, "30003: Unreachable destination handset"),
        (Reason.SMS_CONNECTION_EXCEPTION, "The connection was closed before an answer came"),
    ),
    _HOOK: (
        (Reason.INVALID_HTTP_RESPONSE, "HTTP 503: Service unavailable"),
        (Reason.INVALID_HTTP_RESPONSE, "HTTP 404: Not found"),
        (Reason.HTTP_ERROR_WHILE_SENDING, "Connection refused"),
    ),
    _STREAM: ((Reason.OTHER, "The stream could not be written"),),
}
_UNSENDABLE: dict[MessageType, Refusal] = {
    _EMAIL: (Reason.EMAIL_SERVICE_NOT_ENABLED, "EMAIL_URL is not set."),
    _SMS: (Reason.SMS_SERVICE_NOT_ENABLED, "TWILIO_ACCOUNT_SID is not set."),
    _HOOK: (Reason.INVALID_JSON_BODY_SYNTAX, "The text is not valid JSON."),
    _STREAM: (Reason.OTHER, "The stream could not be written"),
}
_ANSWERS = {_EMAIL: "250 2.0.0 Ok: queued as {}", _SMS: "queued", _HOOK: "HTTP 200: ok", _STREAM: ""}
LOST = "The sender was lost before anything was sent."
SILENT = "The connection ended after the message had been handed over, and before an answer came."


def fate_of(channel: MessageType, rng: Random) -> Fate:
    """One of everything, as often as it comes."""
    left = rng.randrange(1_000)
    for fate, share in _FATES[channel]:
        left -= share
        if left < 0:
            return fate
    return AT_ONCE


def refusal(channel: MessageType, fate: Fate, rng: Random) -> Refusal:
    """Why a message of this fate was not delivered, in the end or at its first tries."""
    return _UNSENDABLE[channel] if fate is UNSENDABLE else rng.choice(_REFUSALS[channel])


def answer(channel: MessageType, rng: Random) -> str:
    """What a provider says that accepts."""
    return _ANSWERS[channel].format(f"{rng.getrandbits(40):010X}")
