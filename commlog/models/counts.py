"""Counters for limits, deleted by age."""

from django.db import models
from django.utils import timezone


class Tally(models.Model):
    """How often something happened in a period that began with a minute."""

    name = models.CharField(max_length=80, unique=True)
    minute = models.BigIntegerField()
    used = models.PositiveIntegerField()

    class Meta:
        db_table = "commlog_apibudget"  # it began with the calls of the API


class WrongPassword(models.Model):
    """A wrong password: for whom and from where, as a keyed digest: the name may be a password in the
    wrong box.
    """

    at = models.DateTimeField(default=timezone.now)
    name = models.CharField(max_length=64)
    network = models.CharField(max_length=43)

    class Meta:
        indexes = [
            models.Index(fields=["network", "at"], name="wrong_password_network"),
            models.Index(fields=["name", "at"], name="wrong_password_name"),
        ]
