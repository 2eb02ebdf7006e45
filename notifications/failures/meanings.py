"""The meanings of failures for a clerk: in a line, at length, whose fault it is, and what to do first.

A meaning is finer than a `Reason`: it is read from the provider's answer, by the tables of the channels
(email/meanings.py, sms/codes.py, http/meanings.py). Answers that no table knows get a coarse one. Each
meaning belongs to one of four levels; three are those of GOV.UK Notify (address does not exist, not accepting
now, technical).
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import TextChoices

from notifications.failures.reasons import CATALOGUE, Culprit, Reason


class Level(TextChoices):
    """The coarse meaning."""

    ADDRESS = "ADDRESS", "Address does not exist"
    NOT_NOW = "NOT_NOW", "Not accepting now"
    REFUSED = "REFUSED", "Not accepted"
    TECHNICAL = "TECHNICAL", "Technical failure"


class Action(TextChoices):
    """The action offered first."""

    CORRECT = "CORRECT", "Correct the address"
    RESEND = "RESEND", "Resend"
    TELL = "TELL", "Contact your administrator"
    REWRITE = "REWRITE", "Edit and resend"
    OTHER_WAY = "OTHER_WAY", "Reach the recipient another way"


class Meaning(TextChoices):
    """The meaning of a failure, in a line."""

    NO_SUCH_ADDRESS = "NO_SUCH_ADDRESS", "The address does not exist"
    NO_SUCH_DOMAIN = "NO_SUCH_DOMAIN", "The domain of the address does not exist"
    BAD_ADDRESS = "BAD_ADDRESS", "The address is not valid"
    ADDRESS_CLOSED = "ADDRESS_CLOSED", "The mailbox is closed"
    NOT_A_MOBILE = "NOT_A_MOBILE", "The number cannot receive an SMS"
    NO_ADDRESS = "NO_ADDRESS", "No usable address is on file"
    GONE = "GONE", "The receiver no longer exists"
    MAILBOX_FULL = "MAILBOX_FULL", "The mailbox is full"
    PHONE_OFF = "PHONE_OFF", "The phone cannot be reached"
    GREYLISTED = "GREYLISTED", "The mail server delays unknown senders"
    TOO_MANY = "TOO_MANY", "The provider asks for fewer messages"
    BUSY = "BUSY", "The server is not accepting messages"
    LATER = "LATER", "Not accepted for now"
    OPTED_OUT = "OPTED_OUT", "The recipient has opted out"
    BLOCKED = "BLOCKED", "The receiver’s rules block the message"
    SPAM = "SPAM", "The message was classified as spam"
    REPUTATION = "REPUTATION", "Our mail server is blocked"
    AUTHENTICATION = "AUTHENTICATION", "Our mail fails the checks of the sender’s domain"
    TOO_LARGE = "TOO_LARGE", "The message is too large"
    CONTENT = "CONTENT", "The message cannot be sent as it is written"
    NOT_ACCEPTED = "NOT_ACCEPTED", "The receiving system did not accept the content"
    UNSAID = "UNSAID", "Refused for an unknown reason"
    SIGN_IN = "SIGN_IN", "The provider refused our sign-in"
    RECEIVER_SIGN_IN = "RECEIVER_SIGN_IN", "The receiving system refused our sign-in"
    ACCOUNT = "ACCOUNT", "Our account with the provider is blocked"
    SENDER = "SENDER", "We may not send from this sender or server"
    COUNTRY = "COUNTRY", "Sending to this country is not enabled"
    SET_UP = "SET_UP", "The channel is off or not set up"
    FORBIDDEN_URL = "FORBIDDEN_URL", "The URL may not be called"
    UNREACHABLE = "UNREACHABLE", "The server could not be reached in time"
    NO_ANSWER = "NO_ANSWER", "Handed over, but no answer came"
    NAME_NOT_FOUND = "NAME_NOT_FOUND", "The server’s name could not be looked up"
    CERTIFICATE = "CERTIFICATE", "No secure connection could be made"
    WRONG_PLACE = "WRONG_PLACE", "There is nothing at this URL"
    ROUTING = "ROUTING", "There is no route to the recipient"
    SERVER_FAILED = "SERVER_FAILED", "The server failed"
    UNFORESEEN = "UNFORESEEN", "Unexpected error"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Without texts of its own, those of the failure's reason apply (reasons.CATALOGUE).
    """

    level: Level
    action: Action
    culprit: Culprit
    said: str = ""
    advice: str = ""


_ASK = "Ask the recipient for the right address, correct it, then resend."
_LATER = "Resend later."
_ADMIN = "Contact your administrator; resend once it is fixed."

TABLE: dict[Meaning, Row] = {
    Meaning.NO_SUCH_ADDRESS: Row(
        Level.ADDRESS, Action.CORRECT, Culprit.RECIPIENT,
        "The recipient’s provider does not know this address or number.", _ASK,
    ),
    Meaning.NO_SUCH_DOMAIN: Row(
        Level.ADDRESS, Action.CORRECT, Culprit.RECIPIENT,
        "The domain after the @ does not exist, or accepts no mail.", _ASK,
    ),
    Meaning.BAD_ADDRESS: Row(
        Level.ADDRESS, Action.CORRECT, Culprit.RECIPIENT,
        "The provider says that this is not a valid address or number.", _ASK,
    ),
    Meaning.ADDRESS_CLOSED: Row(
        Level.ADDRESS, Action.CORRECT, Culprit.RECIPIENT,
        "The mailbox exists, but its provider has closed or disabled it.", _ASK,
    ),
    Meaning.NOT_A_MOBILE: Row(
        Level.ADDRESS, Action.CORRECT, Culprit.RECIPIENT,
        "It is a landline, or its network does not accept SMS.",
        "Ask the recipient for a mobile number, correct it, then resend.",
    ),
    Meaning.NO_ADDRESS: Row(Level.ADDRESS, Action.CORRECT, Culprit.RECIPIENT),
    Meaning.GONE: Row(
        Level.ADDRESS, Action.TELL, Culprit.RECEIVER,
        "The receiving system says that this URL is no longer in use (410).",
        "Contact your administrator: the template needs another URL.",
    ),
    Meaning.MAILBOX_FULL: Row(
        Level.NOT_NOW, Action.RESEND, Culprit.RECIPIENT,
        "The recipient’s mailbox has no space left.",
        "Resend later; if it stays full, reach the recipient another way.",
    ),
    Meaning.PHONE_OFF: Row(
        Level.NOT_NOW, Action.RESEND, Culprit.RECIPIENT,
        "The phone is switched off or out of reach.", _LATER,
    ),
    Meaning.GREYLISTED: Row(
        Level.NOT_NOW, Action.RESEND, Culprit.PROVIDER,
        "The recipient’s mail server asks unknown senders to try again later.", _LATER,
    ),
    Meaning.TOO_MANY: Row(
        Level.NOT_NOW, Action.RESEND, Culprit.PROVIDER,
        "More was sent at a time than the provider or the recipient’s server accepts.", _LATER,
    ),
    Meaning.BUSY: Row(
        Level.NOT_NOW, Action.RESEND, Culprit.PROVIDER,
        "The server is overloaded, under repair, or cannot reach the next one.", _LATER,
    ),
    Meaning.LATER: Row(
        Level.NOT_NOW, Action.RESEND, Culprit.PROVIDER,
        "The server refused it for now and says that it may be accepted later.", _LATER,
    ),
    Meaning.OPTED_OUT: Row(
        Level.REFUSED, Action.OTHER_WAY, Culprit.RECIPIENT,
        "The recipient has asked the provider for no more messages from us.",
        "Reach the recipient another way. Resending helps once the recipient has opted in again.",
    ),
    Meaning.BLOCKED: Row(
        Level.REFUSED, Action.TELL, Culprit.RECEIVER,
        "A rule of the receiving provider or of the recipient forbids it.",
        "Reach the recipient another way. If it happens to many recipients, contact your administrator.",
    ),
    Meaning.SPAM: Row(
        Level.REFUSED, Action.TELL, Culprit.CONTENT,
        "The receiving provider’s filter classified the text as spam or fraud.",
        "Contact your administrator, who can change the text or its links.",
    ),
    Meaning.REPUTATION: Row(
        Level.REFUSED, Action.TELL, Culprit.SETUP,
        "The receiving provider rejects everything from our mail server.", _ADMIN,
    ),
    Meaning.AUTHENTICATION: Row(
        Level.REFUSED, Action.TELL, Culprit.SETUP,
        "SPF, DKIM or DMARC of our sender’s domain did not pass at the receiving provider.", _ADMIN,
    ),
    Meaning.TOO_LARGE: Row(
        Level.REFUSED, Action.REWRITE, Culprit.CONTENT,
        "It is larger than the receiver, or a limit of Commlog, allows.",
        "Shorten it: choose “Edit and resend…”.",
    ),
    Meaning.CONTENT: Row(Level.REFUSED, Action.REWRITE, Culprit.CONTENT),
    Meaning.NOT_ACCEPTED: Row(
        Level.REFUSED, Action.TELL, Culprit.RECEIVER,
        "The receiving system answered that it cannot take this request.",
        "Contact your administrator: its owner and ours have to agree on the content.",
    ),
    Meaning.UNSAID: Row(
        Level.REFUSED, Action.RESEND, Culprit.PROVIDER,
        "The provider refused it and gives no reason that Commlog knows.",
        "Read what the provider said. Resend; if it is refused again, contact your administrator.",
    ),
    Meaning.SIGN_IN: Row(Level.TECHNICAL, Action.TELL, Culprit.SETUP),
    Meaning.RECEIVER_SIGN_IN: Row(
        Level.TECHNICAL, Action.TELL, Culprit.SETUP,
        "The receiving system does not accept the user name, password or token of this webhook.", _ADMIN,
    ),
    Meaning.ACCOUNT: Row(
        Level.TECHNICAL, Action.TELL, Culprit.SETUP,
        "The provider has suspended our account, or does not let it send.", _ADMIN,
    ),
    Meaning.SENDER: Row(
        Level.TECHNICAL, Action.TELL, Culprit.SETUP,
        "The provider does not let us send as this sender, or does not pass our messages on.", _ADMIN,
    ),
    Meaning.COUNTRY: Row(
        Level.TECHNICAL, Action.TELL, Culprit.SETUP,
        "Our account with the gateway may not send to the country of this number.", _ADMIN,
    ),
    Meaning.SET_UP: Row(Level.TECHNICAL, Action.TELL, Culprit.SETUP),
    Meaning.FORBIDDEN_URL: Row(Level.TECHNICAL, Action.TELL, Culprit.SETUP),
    Meaning.UNREACHABLE: Row(
        Level.TECHNICAL, Action.RESEND, Culprit.PROVIDER,
        "The server did not answer, or the connection to it broke off.",
        "Resend once it can be reached again.",
    ),
    Meaning.NO_ANSWER: Row(
        Level.TECHNICAL, Action.RESEND, Culprit.PROVIDER,
        "It was handed over, and the connection ended before an answer came: it may have been delivered.",
        "Ask the recipient whether it arrived. If not, resend.",
    ),
    Meaning.NAME_NOT_FOUND: Row(
        Level.TECHNICAL, Action.TELL, Culprit.SETUP,
        "DNS has no such server, or did not answer.", _ADMIN,
    ),
    Meaning.CERTIFICATE: Row(
        Level.TECHNICAL, Action.TELL, Culprit.RECEIVER,
        "The server’s certificate is not valid, or the server does not speak TLS.",
        "Contact your administrator: the owner of the server has to fix it. Then resend.",
    ),
    Meaning.WRONG_PLACE: Row(
        Level.TECHNICAL, Action.TELL, Culprit.RECEIVER,
        "The receiving system answered that it has nothing at this URL, or has it elsewhere.",
        "Contact your administrator: the URL is wrong, or the receiving system under repair.",
    ),
    Meaning.ROUTING: Row(
        Level.TECHNICAL, Action.TELL, Culprit.PROVIDER,
        "The provider found no way to the recipient’s server or network.", _ADMIN,
    ),
    Meaning.SERVER_FAILED: Row(
        Level.TECHNICAL, Action.RESEND, Culprit.PROVIDER,
        "The server reported an internal error.",
        "Resend later. If it happens again, contact your administrator.",
    ),
    Meaning.UNFORESEEN: Row(Level.TECHNICAL, Action.TELL, Culprit.SETUP),
}  # fmt: skip

# Of reasons that say all there is, and of the others as long as no answer says more.
_OF_REASON: dict[Reason, Meaning] = {
    Reason.MESSAGING_EXCEPTION: Meaning.UNREACHABLE,
    Reason.INVALID_SMTP_CREDENTIALS: Meaning.SIGN_IN,
    Reason.UNSUPPORTED_ENCODING_EXCEPTION: Meaning.CONTENT,
    Reason.EMAIL_SERVICE_NOT_ENABLED: Meaning.SET_UP,
    Reason.SMS_TOO_LONG: Meaning.CONTENT,
    Reason.SMS_SERVICE_NOT_ENABLED: Meaning.SET_UP,
    Reason.SMS_NOT_SENT: Meaning.UNSAID,
    Reason.SMS_SERVICE_ERROR: Meaning.UNSAID,
    Reason.SMS_CONNECTION_EXCEPTION: Meaning.UNREACHABLE,
    Reason.WEBHOOK_NOTIFICATIONS_DISABLED: Meaning.SET_UP,
    Reason.INVALID_HTTP_RESPONSE: Meaning.UNSAID,
    Reason.HTTP_ERROR_WHILE_SENDING: Meaning.UNREACHABLE,
    Reason.INVALID_JSON_BODY_SYNTAX: Meaning.CONTENT,
    Reason.MISSING_TEMPLATE_KEY: Meaning.CONTENT,
    Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED: Meaning.TOO_LARGE,
    Reason.UNDEFINED_DESTINATION: Meaning.NO_ADDRESS,
    Reason.INVALID_HTTP_PROTOCOL: Meaning.FORBIDDEN_URL,
    Reason.BLACKLISTED_URL: Meaning.FORBIDDEN_URL,
    Reason.INVALID_SMS_GATEWAY_CREDENTIALS: Meaning.SIGN_IN,
    Reason.MISSING_SMS_RECIPIENT: Meaning.NO_ADDRESS,
    Reason.SMS_GATEWAY_ERROR: Meaning.SERVER_FAILED,
    Reason.MISSING_EMAIL_RECIPIENT_ADDRESS: Meaning.NO_ADDRESS,
    Reason.OTHER: Meaning.UNFORESEEN,
}
# Of these, what the provider answered says more.
ANSWERED = frozenset(
    {
        Reason.MESSAGING_EXCEPTION,
        Reason.SMS_NOT_SENT,
        Reason.SMS_SERVICE_ERROR,
        Reason.SMS_CONNECTION_EXCEPTION,
        Reason.SMS_GATEWAY_ERROR,
        Reason.INVALID_HTTP_RESPONSE,
        Reason.HTTP_ERROR_WHILE_SENDING,
    }
)
# What a failure means that may have been received, and of which nothing more is known.
_VAGUE = frozenset({Meaning.UNREACHABLE, Meaning.UNFORESEEN})


@dataclass(frozen=True, slots=True)
class Explained:
    """A failure as its page explains it."""

    title: str
    said: str
    advice: str
    culprit: Culprit
    level: Level
    action: Action


def of_reason(reason: str) -> Meaning:
    """Return the meaning of a stored reason if nothing more is known."""
    return _OF_REASON[Reason(reason)]


def in_doubt(meaning: Meaning) -> Meaning:
    """Return the meaning of a failed message that may have been received anyway."""
    return Meaning.NO_ANSWER if meaning in _VAGUE else meaning


def stored(meaning: Meaning) -> dict[str, Any]:
    """Return the fields of a FAILED message for this meaning."""
    return {"failure_meaning": meaning, "failure_level": TABLE[meaning].level}


def explain(reason: str, meaning: Meaning) -> Explained:
    """Explain a failure: in the words of its meaning, or of its reason if the meaning has none."""
    row, general = TABLE[meaning], CATALOGUE[Reason(reason)]
    own = bool(row.said)
    return Explained(
        title=str(meaning.label) if own else str(Reason(reason).label),
        said=row.said if own else general.meaning,
        advice=row.advice if own else general.advice,
        culprit=row.culprit,
        level=row.level,
        action=row.action,
    )
