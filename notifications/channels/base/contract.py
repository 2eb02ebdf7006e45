"""The contract of channels: the values that they receive and return, all frozen, never a model row."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from notifications.content import Content
from notifications.failures import Reason
from notifications.states import MessageType, Outcome


class Failure(Enum):
    """The meaning of a failed attempt for the next one."""

    TRANSIENT = "TRANSIENT"  # may well work later
    PERMANENT = "PERMANENT"  # the provider says it will not; retried all the same unless RETRY_PERMANENT=0
    NEVER = "NEVER"  # cannot be sent as it stands; fails at once


class About(Enum):
    """The subject of a refusal: what would have to change for another answer."""

    RECIPIENT = "RECIPIENT"
    MESSAGE = "MESSAGE"
    SESSION = "SESSION"  # this connection
    SERVER = "SERVER"  # whoever carries the channel's messages, or the line there
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Envelope(Content):
    """One message as a channel gets it to send."""

    key: UUID  # stable over all automatic retries; receivers may use it to recognise a repetition
    destination: str
    by_person: bool = False  # whether somebody wrote it, rather than an event or a program
    signing_secrets: tuple[str, ...] = ()  # sealed; the present one first
    secrets: str = ""  # sealed; what the texts leave out (notifications/secrets/hidden.py)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider accepted the message."""

    provider_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider accepted the message and will report later whether it was sent.

    See notifications.receipts.
    """

    provider_id: str = ""
    detail: str = ""


class DeliveryError(Exception):
    """A failed attempt: the reason, the provider's words, and whether the message may have arrived anyway."""

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        kind: Failure = Failure.TRANSIENT,
        outcome: Outcome = Outcome.REFUSED,
        retry_after: float | None = None,
        lane_fault: bool = False,
        gone: bool = False,
        about: About = About.UNKNOWN,
        throttled: bool = False,
        temporary: bool = False,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.kind = kind
        self.outcome = outcome
        self.retry_after = retry_after  # seconds the provider asks to wait
        # The provider's or the line's, whatever the message: what opens a circuit.
        self.lane_fault = lane_fault
        self.gone = gone  # the receiver says that its address is no more
        self.about = about
        # The provider asks for fewer messages: its lane slows down, and no retry is used up.
        self.throttled = throttled
        self.temporary = temporary  # the provider itself says that it is so for now only

    def as_throttling(self) -> "DeliveryError":
        """Return the same refusal as one that asks the lane for fewer messages."""
        options: dict[str, Any] = {
            "kind": self.kind,
            "outcome": self.outcome,
            "retry_after": self.retry_after,
            "temporary": self.temporary,
        }
        return DeliveryError(
            self.reason, self.detail, **options, lane_fault=True, about=About.SERVER, throttled=True
        )


def never(reason: Reason, detail: str) -> DeliveryError:
    """Return a failure that no retry will cure."""
    return DeliveryError(reason, detail, kind=Failure.NEVER)


class Channel(Protocol):
    """A medium. One instance per process; `send` is called from several threads at once."""

    type: MessageType
    width: int  # how many sends at once, in one process and lane
    permits: int  # how many messages may be permitted ahead of their sending, and so be unknown after a crash
    # Seconds that a permitted message may wait for its turn: where sends are slow, fewer are permitted.
    ahead: float
    inline: bool  # talks to our own database only: sent in the transaction that records the result

    def lane(self, destination: str) -> str:
        """Return the lane's name: the provider or destination host that serves this destination."""

    def ready(self) -> None:
        """Raise DeliveryError(kind=NEVER) if the channel is not set up and can send nothing. No I/O."""

    def check(self, envelope: Envelope) -> None:
        """Raise DeliveryError(kind=NEVER) for a message that can never be sent as it is. No I/O."""

    def send(self, envelope: Envelope) -> Receipt | Accepted:
        """Send the message within the deadline, or raise DeliveryError, also for what `check` refuses."""

    def close(self) -> None:
        """Close the kept connections."""
