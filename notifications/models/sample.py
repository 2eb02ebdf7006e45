"""What was counted a moment ago, because counting takes long."""

from django.db import models


class Sample(models.Model):
    """A value under its name, and when it was so."""

    name = models.CharField(max_length=200, unique=True)
    value = models.JSONField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
