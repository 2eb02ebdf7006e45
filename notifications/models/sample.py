"""Samples: recent results of counts that take long."""

from django.db import models


class Sample(models.Model):
    """A named value, and the time it was taken."""

    name = models.CharField(max_length=200, unique=True)
    value = models.JSONField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
