"""Messages that match a text, found without reading the whole log.

Key and reference use indexes. Subject, name, address and number are searched among the latest messages and
the latest failures only: the log itself searches all.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from commlog.find.hits import SHOWN, Hit, Section
from commlog.log.search import of_address, of_name
from commlog.recipients.kinds import Recipient, kind_of
from notifications.criteria import contains, referred
from notifications.models import Message
from notifications.models.message import MessageQuerySet, unanswered
from notifications.states import MessageState

LATEST = 1_000  # messages that are looked through
_LATEST_OF_ONE = 200
_SLIM = ("content", "html", "headers")
_NEWEST_FIRST = ("-created_at", "-pk")


def with_key(messages: MessageQuerySet, key: UUID) -> Section:
    """Return the message with this key, and whether messages are about an account with it."""
    one = messages.defer(*_SLIM).filter(key=key).first()
    found = [_hit(one)] if one else []
    if messages.of_account(key).exists():
        found.append(
            Hit("Communications about this account", reverse("account-communications", args=[key]), key.hex)
        )
    return Section("Messages", found)


def failed_of(messages: MessageQuerySet, person: Recipient) -> Section:
    """Return recent failures of messages to this recipient that were not delivered since."""
    latest = messages.filter(**{kind_of(person).name: person}).order_by(*_NEWEST_FIRST)
    failed = Q(state=MessageState.FAILED) & unanswered()
    return Section(
        f"Failed, to {person.name}", _hits(_among(messages, latest, _LATEST_OF_ONE).filter(failed))
    )


def lately(messages: MessageQuerySet, meant: str) -> Section:
    """Return those of the latest messages and the latest failures that match the text."""
    asked = of_name(meant) if messages.masked else of_address(meant) | contains("subject", meant)
    newest = messages.order_by(*_NEWEST_FIRST)
    failed = newest.filter(state=MessageState.FAILED)
    hits = [
        *_hits(messages.filter(referred("reference_id", meant))),
        *_hits(_among(messages, failed, LATEST).filter(asked)),
        *_hits(_among(messages, newest, LATEST).filter(asked)),
    ]
    once = {hit.url: hit for hit in hits}
    return Section("Latest messages", list(once.values())[:SHOWN])


def _among(messages: MessageQuerySet, chosen: MessageQuerySet, most: int) -> MessageQuerySet:
    """Return the first of the chosen messages, reading no more than the index does."""
    return messages.filter(pk__in=chosen.values("pk")[:most])


def _hits(messages: MessageQuerySet) -> Sequence[Hit]:
    return [_hit(each) for each in messages.defer(*_SLIM).order_by(*_NEWEST_FIRST)[:SHOWN]]


def _hit(message: Message) -> Hit:
    return Hit(
        f"{message.get_type_display()} to {message.recipient_name or message.shown_destination}",
        reverse("message", args=[message.key]),
        message.subject,
        message,
    )
