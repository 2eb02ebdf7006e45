"""The words of messages, in a table of their own, which full-text search reads.

It is written after the log (notifications.words.indexing). On PostgreSQL the words are a tsvector with an
index; on SQLite they are a text indexed by a virtual table (`notifications_messagewords_fts`), which triggers
keep in step.
"""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from notifications.models.message import Message


class WordsField(models.Field):
    """Words with their positions. Read and written by notifications.words alone."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the type of the column."""
        return "tsvector" if connection.vendor == "postgresql" else "text"

    def deconstruct(self) -> Any:
        """Deconstruct with the path by which it is imported."""
        name, _, args, kwargs = super().deconstruct()
        return name, "notifications.models.message_words.WordsField", args, kwargs


class Extent(models.IntegerChoices):
    """How much of a message is indexed. Where it is not enough, texts are read themselves."""

    NOTHING = 0, "nothing"  # its text is too long
    WORDS = 1, "its words, but not where all of them stand"
    WHOLE = 2, "all"


class MessageWords(models.Model):
    """The words of one message.

    There is no constraint: it would have the database look up and lock the message for each row that is
    filled in. Code that deletes messages deletes these rows too (notifications.forgetting.rows).
    """

    message = models.OneToOneField(
        Message, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    words = WordsField()
    extent = models.PositiveSmallIntegerField(choices=Extent.choices, default=Extent.WHOLE)

    class Meta:
        indexes = [
            models.Index(
                fields=["extent"], name="words_not_whole", condition=models.Q(extent__lt=Extent.WHOLE)
            ),
        ]

    def __str__(self) -> str:
        return f"words of {self.message_id}"


class WordsReach(models.Model):
    """How far the index of words has been filled: all ids above `floor`, up to `reach`.

    It changes in the transactions that write words. There is one row; whoever writes or removes words locks
    it until the end of the transaction.
    """

    floor = models.BigIntegerField(default=0)
    reach = models.BigIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)  # of the spelling that the words are in

    def __str__(self) -> str:
        return f"words of {self.floor + 1} to {self.reach}"
