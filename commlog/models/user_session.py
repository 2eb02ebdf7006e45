"""Where a user is signed in."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class UserSession(models.Model):
    """A sign-in whose session may still live.

    The session key is stored as it is: Django's session table beside it holds it too.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    started_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["-started_at", "-id"]
