"""The stream: topics with partitions, events, and cursors of readers."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

PARTITIONS = 3  # of each topic


class StreamTopic(models.Model):
    """A topic, created by its first event or by an earlier subscription."""

    name = models.CharField(max_length=300, unique=True)

    def __str__(self) -> str:
        return self.name


class StreamPartition(models.Model):
    """A part of a topic within which events are ordered.

    Whoever appends locks its row until the events can be read. Its events have the offsets from
    `first_offset` up to, not including, `next_offset`, without a gap.
    """

    topic = models.ForeignKey(
        StreamTopic, on_delete=models.PROTECT, related_name="partitions", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    first_offset = models.BigIntegerField(default=0)
    next_offset = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["topic", "number"], name="stream_partition_once"),
            models.CheckConstraint(
                condition=Q(first_offset__gte=0, next_offset__gte=models.F("first_offset")),
                name="stream_partition_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic_id} {self.number}"


class StreamEvent(models.Model):
    """One event, for one message. Rows may be older than partitions: the cluster numbers those, by id."""

    topic = models.CharField(max_length=300)
    key = models.UUIDField(unique=True)  # the message's key
    event = models.CharField(max_length=64, default="")
    content_type = models.CharField(max_length=40, default="")
    body = models.TextField()
    template_name = models.CharField(max_length=255, default="", db_default="")
    occurred_at = models.DateTimeField(null=True)  # when its message was made
    appended_at = models.DateTimeField()  # since when it can be read in its partition
    # Without a constraint: adding one reads the whole table, with nobody else writing.
    partition = models.ForeignKey(
        StreamPartition,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    offset = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["partition", "offset"], name="stream_offset"),
            models.Index(fields=["id"], name="stream_unnumbered", condition=Q(partition=None)),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"


class StreamSubscription(models.Model):
    """A position in some topics, kept for any reader that uses the subscription."""

    key = models.UUIDField(unique=True, default=uuid4)
    owning_application = models.CharField(max_length=200)
    event_types = models.JSONField()  # names of topics, sorted
    consumer_group = models.CharField(max_length=200)
    identity = models.CharField(max_length=64, unique=True)  # of these three
    read_from = models.CharField(max_length=10)
    owner = models.BigIntegerField()  # the API consumer that made it
    owner_name = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    resets_until = models.DateTimeField(null=True)  # while its readers are cut off, at the latest until then

    def __str__(self) -> str:
        return f"{self.owning_application} {self.key.hex}"


class StreamReader(models.Model):
    """One open stream.

    It counts as lost after some seconds without a sign of life, and may commit for a while after its end.
    """

    key = models.UUIDField(unique=True, default=uuid4)
    subscription = models.ForeignKey(StreamSubscription, on_delete=models.CASCADE, related_name="readers")
    name = models.CharField(max_length=200)  # whose key opened it
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key.hex


class StreamCursor(models.Model):
    """How far a subscription has read a partition, which reader has it, and which is to have it next."""

    subscription = models.ForeignKey(
        StreamSubscription, on_delete=models.CASCADE, related_name="cursors", db_index=False
    )
    partition = models.ForeignKey(StreamPartition, on_delete=models.PROTECT, related_name="+")
    committed = models.BigIntegerField()  # the last offset that need not be read again; -1: none
    committed_at = models.DateTimeField(null=True)
    reader = models.ForeignKey(StreamReader, on_delete=models.SET_NULL, null=True, related_name="cursors")
    next_reader = models.ForeignKey(StreamReader, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "partition"], name="stream_cursor_once"),
            models.CheckConstraint(condition=Q(committed__gte=-1), name="stream_cursor_from_start"),
            models.CheckConstraint(
                condition=Q(next_reader=None) | Q(reader__isnull=False), name="stream_cursor_next_of_held"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.partition_id}"
