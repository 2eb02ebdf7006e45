"""Sessions of users."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class UserSession(models.Model):
    """A sign-in that may still be valid. The plain key: Django's table beside it has it too."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    started_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=60, blank=True)
    # What the provider calls it, of a sign-in with an account of the company; "" where it has no name for it.
    company_session = models.CharField(max_length=255, null=True)

    class Meta:
        ordering = ["-started_at", "-id"]
