"""The words of messages, in a table of their own: what a search through the whole log reads.

It is written behind the log (notifications.words.filling). On PostgreSQL the words are a tsvector with an
index; on SQLite they are a text that a virtual table has indexed (`notifications_messagewords_fts`), which
triggers keep in step.
"""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from notifications.models.message import Message


class WordsField(models.Field):
    """Words with their places. Read and written by notifications.words alone."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the type of the column."""
        return "tsvector" if connection.vendor == "postgresql" else "text"

    def deconstruct(self) -> Any:
        """As it is imported."""
        name, _, args, kwargs = super().deconstruct()
        return name, "notifications.models.message_words.WordsField", args, kwargs


class Extent(models.IntegerChoices):
    """What is here of a message. Texts are read themselves where it is not enough."""

    NOTHING = 0, "nothing"  # its text is too long
    WORDS = 1, "its words, but not where all of them stand"
    WHOLE = 2, "all"


class MessageWords(models.Model):
    """The words of one message.

    No constraint: it would have the database look at the message, and lock it, for each row that is filled
    in. Whoever deletes messages deletes these with them (notifications.forgetting.rows).
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
    """How far the words of messages have been filled in: of all with ids above `floor`, up to `reach`.

    It changes in the transactions in which words are written. One row; whoever writes or removes words holds
    it until the end of the transaction.
    """

    floor = models.BigIntegerField(default=0)
    reach = models.BigIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)  # of the spelling that the words are in

    def __str__(self) -> str:
        return f"words of {self.floor + 1} to {self.reach}"
