"""What every channel gets and gives. A channel sees frozen values, never a model row."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from notifications.content import Content
from notifications.failures import Reason
from notifications.states import MessageType, Outcome


class Failure(Enum):
    """What a failed attempt says about the next one."""

    TRANSIENT = "TRANSIENT"  # may well work later
    PERMANENT = "PERMANENT"  # the provider says it will not; retried all the same unless RETRY_PERMANENT=0
    NEVER = "NEVER"  # cannot be sent as it stands; fails at once


class About(Enum):
    """What a refusal is about: who would get it again with another message, address or connection."""

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
    """The provider took the message."""

    provider_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message and will report later whether it was sent (notifications.receipts)."""

    provider_id: str = ""
    detail: str = ""


class DeliveryError(Exception):
    """The attempt failed: why, what the provider said, and whether it may have arrived all the same."""

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
        """The same refusal, taken for a lane that is asked for fewer messages."""
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
    """A failure that no retry will mend."""
    return DeliveryError(reason, detail, kind=Failure.NEVER)


class Channel(Protocol):
    """A medium. One instance a process; `send` is called from several threads at once."""

    type: MessageType
    width: int  # how many sends at once, in one process and lane
    permits: int  # how many messages may be permitted ahead of their sending, and so be unknown after a crash
    # Seconds that a permitted message may wait for its turn: where sends are slow, fewer are permitted.
    ahead: float
    inline: bool  # talks to our own database only: sent in the transaction that records the result

    def lane(self, destination: str) -> str:
        """The provider or destination host that this destination's messages share."""

    def ready(self) -> None:
        """Raise DeliveryError(kind=NEVER) where it is not set up, so that nothing can be sent. No I/O."""

    def check(self, envelope: Envelope) -> None:
        """Raise DeliveryError(kind=NEVER) for what can never be sent as it stands. No I/O."""

    def send(self, envelope: Envelope) -> Receipt | Accepted:
        """Hand it over within the deadline, or raise DeliveryError: also for what `check` refuses."""

    def close(self) -> None:
        """Close the kept connections."""
