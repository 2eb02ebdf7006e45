"""Records of who has read message content."""

from django.conf import settings
from django.db import models
from django.utils import timezone

MOST = 1_000  # messages that one record names


class Access(models.TextChoices):
    """How content was read."""

    OPENED = "OPENED", "Opened the message"
    PREVIEWED = "PREVIEWED", "Opened the HTML version"
    DOWNLOADED = "DOWNLOADED", "Downloaded the text"
    EDITED = "EDITED", "Opened to edit and resend"
    REVEALED = "REVEALED", "Revealed"
    LISTED = "LISTED", "Listed"
    FOUND = "FOUND", "Found"
    EXPORTED = "EXPORTED", "Exported"
    FETCHED = "FETCHED", "Downloaded an export"
    API = "API", "Read over the API"
    API_PAGE = "API_PAGE", "Listed over the API"


class AccessRecord(models.Model):
    """One access: who, how, when, from where, and the ids of the messages shown.

    A search also has a digest of its words, which distinguishes searches without revealing words. More than
    MOST messages make several records.
    """

    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, db_index=False, related_name="+"
    )
    actor_name = models.CharField(max_length=320)
    address = models.GenericIPAddressField(null=True)
    how = models.CharField(max_length=12, choices=Access.choices)
    messages = models.JSONField(default=list)
    number = models.PositiveIntegerField(default=0)  # of the messages of the whole look
    search = models.CharField(max_length=64, default="")
    about = models.CharField(max_length=500, default="")  # the reason of a reveal, the key of a job

    class Meta:
        verbose_name = "access record"

    def __str__(self) -> str:
        return f"{self.actor_name} {self.get_how_display()}"
