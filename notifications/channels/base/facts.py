"""The fixed facts of a channel, independent of the settings. Other code asks here and names no channel."""

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
    """The base of every channel's class, which overrides what differs."""

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
        """Return the channel as the settings configure it."""

    @classmethod
    def uses(cls) -> list[tuple[str, str]]:
        """Return the settings of the channel for its page: names and values, no secret."""
        return []

    @classmethod
    def noun(cls) -> str:
        """Return the noun for one of its messages, without an article."""
        return cls.one.partition(" ")[2]

    @classmethod
    def label(cls) -> str:
        """Return the channel's name."""
        return str(cls.type.label)

    @classmethod
    def address_of(cls, person: Any) -> str:
        """Return the address of a client, a group or a user on this channel; "" if none is on file."""
        return str(getattr(person, cls.contact)).strip() if cls.contact else ""

    @classmethod
    def usual_destination(cls, event: str) -> str:
        """Return the destination for messages of an event that name none; "" if there is no such default."""
        return ""

    @classmethod
    def alert(cls, subject: str, text: str) -> dict[str, str] | None:
        """Return the fields of a draft for an alert on this channel; None if it is not set up for alerts."""
        return None

    @classmethod
    def meaning(cls, reason: str, said: str) -> Meaning:
        """Return the meaning of a stored failure.

        The provider's answer decides if a table knows it, otherwise the reason.
        """
        return (cls.answered(reason, said) if reason in ANSWERED else None) or of_reason(reason)

    @classmethod
    def answered(cls, reason: str, said: str) -> Meaning | None:
        """Return the meaning of a provider's answer or a broken connection; None if unknown."""
        return None

    @staticmethod
    def pasted(text: str) -> str:
        """Return a destination without the extra characters that were pasted with it."""
        return text

    @staticmethod
    def spelled(text: str) -> str:
        """Return a destination in its canonical form. Raises ValueError with a sentence if it is invalid."""
        return text

    @classmethod
    def redirected(cls, envelope: Envelope, target: str) -> Envelope:
        """Return the envelope for `target` instead, without secrets.

        Secrets of production must reach nobody else.
        """
        none: dict[str, Any] = {
            "headers": MappingProxyType({}),
            "auth_username": "",
            "auth_password": "",
            "signing_secrets": (),
            "secrets": "",
        }
        return replace(envelope, destination=target, **none)
