"""Text searches that were stopped: the part that was searched, and the page's notice about the rest."""

from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from commlog.log.query import Selection
from notifications.models import Message, newest_id
from notifications.models.message import MessageQuerySet
from notifications.text.days import written

NEWEST = 200_000  # messages that are looked at, where all of them take too long
_NEWEST_ONLY = "The search was stopped, and only the newest messages were looked at"


class Stretch(NamedTuple):
    """The newest matches, and the notice about the rest."""

    messages: MessageQuerySet
    said: str


def stretch(chosen: Selection) -> Stretch | None:
    """Return the answerable part of a search that was stopped; None if it was no text search, or of few
    messages.
    """
    searched = chosen.filter.searched
    if searched is None:
        return None
    floor = searched.worded.floor if searched.worded else 0
    first = floor or newest_id(Message) - NEWEST
    since = _since(first)
    if first <= 0 or since is None:
        return None
    if searched.worded is None:
        why = f"Searching for parts of words takes long. {_NEWEST_ONLY}"
    elif floor:
        why = "The words of older messages are still being indexed, and their texts take too long to read"
    else:
        why = f"Many messages have these words, but few match the rest of the filter. {_NEWEST_ONLY}"
    rest = "Add a date range to search others, or use Export: it looks through all of them in the background."
    return Stretch(chosen.messages.filter(pk__gt=first), f"{why}. Searched back to {_at(since)}. {rest}")


def notices(chosen: Selection) -> list[str]:
    """Return the notices of a word search while the index does not cover all messages."""
    searched = chosen.filter.searched
    if searched is None or searched.worded is None:
        return []
    said = []
    if searched.worded.floor and (since := _since(searched.worded.floor)):
        said.append(
            f"The words of messages from before {_at(since)} are still being indexed. Until then their texts "
            "are read one by one."
        )
    if searched.worded.behind:
        said.append("The newest messages are not indexed yet. Until then their texts are read one by one.")
    return said


def _since(first: int) -> datetime | None:
    """Return when the first message after this id was created."""
    moments = Message.objects.filter(pk__gt=first).order_by("pk").values_list("created_at", flat=True)
    return moments.first()


def _at(moment: datetime) -> str:
    here = timezone.localtime(moment, timezone.get_default_timezone())
    return f"{written(here)} {here:%H:%M}"
