"""Removal of messages' texts; what happened to them stays and can be counted."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from notifications.content import COLUMNS, FACTS
from notifications.database.id_lookup import Among
from notifications.models import Message
from notifications.words import indexing

# By column what is left of all that says something.
EMPTIED: dict[str, Any] = {
    column: {} if name == "headers" else "" for name, column in COLUMNS.items() if name not in FACTS
}


def empty(pks: Collection[int], at: datetime) -> int:
    """Remove the content of these messages from the log and from the index of words, once.

    Returns how many messages were changed. Runs in the caller's transaction.
    """
    those = Message.objects.filter(Among("pk", pks), words_gone_at=None)
    gone = those.update(**EMPTIED, words_gone_at=at)
    indexing.rewrite(pks)
    return gone
