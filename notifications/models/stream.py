"""The stream: what EVENT_STREAM messages are appended to."""

from django.db import models


class StreamEvent(models.Model):
    """One event of a topic, in the order of its id. One a message, whatever is repeated."""

    topic = models.CharField(max_length=300)
    key = models.UUIDField(unique=True)  # the message's key
    event = models.CharField(max_length=64, default="")
    content_type = models.CharField(max_length=40, default="")
    body = models.TextField()
    appended_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["topic", "id"], name="stream_topic")]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"
