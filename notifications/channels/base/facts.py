"""What is always so of a channel, whatever the settings. All others ask here and name no channel."""

from abc import abstractmethod
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from notifications.channels.base.contract import Channel, Envelope
from notifications.failures import Reason
from notifications.failures.meanings import ANSWERED, Meaning, of_reason
from notifications.states import MessageType

ALERTS = " (alerts)"  # ends the name of the lane that alerts leave by


class Facts:
    """The base of every channel's class, which says what is different from this."""

    type: MessageType
    one: str  # of its messages, within a sentence: an e-mail
    many: str = "s"  # what a number of them adds to the channel's label
    icon: str  # the name of a heroicon
    destination_name: str  # within a sentence: e-mail address

    # Whom it reaches.
    for_people: bool = False  # whether people write for it, to the address of a client, a group or a user
    contact: str = ""  # the field of these that holds the address
    by_number: bool = False  # whether destinations are numbers of telephones
    destination_pattern: str = r"\S"  # what one looks like, in the description of the API
    destination_help: str = ""
    secret_destination: bool = False  # whether a destination may hold what only some readers may see
    # Whether all messages of a lane go to one receiver, whatever their destinations.
    lanes_are_receivers: bool = False

    # What it carries besides a destination and a body: fields of Content.
    fields: tuple[str, ...] = ()
    longest: int = 500_000  # characters of a text that is written here
    in_parts: bool = False  # whether texts are sent and charged in the parts of an SMS
    signed: bool = False  # whether its templates have a secret that signs their messages

    # How it fares.
    retried: bool = True
    # Whether what may have arrived is sent again by itself, unless its setting says so.
    retries_unknown: bool = True
    numbered: bool = False  # whether the provider's number of a message stands for the sender's reference
    when_off: Reason = Reason.OTHER  # with which messages fail while it is switched off
    without_destination: Reason = Reason.UNDEFINED_DESTINATION

    do_not_call_in_templates: bool = True

    @classmethod
    @abstractmethod
    def from_settings(cls) -> Channel:
        """Make the channel as the settings say."""

    @classmethod
    def uses(cls) -> list[tuple[str, str]]:
        """Return what the settings say of it, for its page: names and values, no secret."""
        return []

    @classmethod
    def noun(cls) -> str:
        """Return what a message of it is called within a sentence, without an article."""
        return cls.one.partition(" ")[2]

    @classmethod
    def label(cls) -> str:
        """Return what the channel is called."""
        return str(cls.type.label)

    @classmethod
    def address_of(cls, person: Any) -> str:
        """Return where a client, a group or a user is reached by it; "" where nothing is on file."""
        return str(getattr(person, cls.contact)).strip() if cls.contact else ""

    @classmethod
    def usual_destination(cls, event: str) -> str:
        """Return where a message of an event goes that names no destination; "" where nowhere."""
        return ""

    @classmethod
    def alert(cls, subject: str, text: str) -> dict[str, str] | None:
        """Return where an alert goes by this channel, and as what; None where it is not set up for that.

        Keys are those of a draft.
        """
        return None

    @classmethod
    def meaning(cls, reason: str, said: str) -> Meaning:
        """Return what a stored failure means: by what its provider answered, where that is in a table."""
        return (cls.answered(reason, said) if reason in ANSWERED else None) or of_reason(reason)

    @classmethod
    def answered(cls, reason: str, said: str) -> Meaning | None:
        """Return what an answer of its provider, or a broken line, means; None where nobody knows."""
        return None

    @staticmethod
    def pasted(text: str) -> str:
        """Return a destination without what was pasted along."""
        return text

    @staticmethod
    def spelled(text: str) -> str:
        """Return a destination in its one spelling. Raises ValueError, in words, where it is none."""
        return text

    @classmethod
    def redirected(cls, envelope: Envelope, target: str) -> Envelope:
        """Return what goes to `target` instead. Secrets of production go to nobody else."""
        none: dict[str, Any] = {
            "headers": MappingProxyType({}),
            "auth_username": "",
            "auth_password": "",
            "signing_secrets": (),
            "secrets": "",
        }
        return replace(envelope, destination=target, **none)
