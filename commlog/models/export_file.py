"""Export files, and their chunks if they are kept in the database."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from commlog.models.job import Job

KEPT = timedelta(days=1)


class ExportFile(models.Model):
    """A job's file, for its owner only, for a day. The storage has its bytes."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="file")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    stored_as = models.CharField(max_length=100)
    name = models.CharField(max_length=100)  # as it is downloaded
    media_type = models.CharField(max_length=100)
    size = models.BigIntegerField()
    rows = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "export file"

    def __str__(self) -> str:
        return self.name

    @property
    def kept_until(self) -> datetime:
        return self.created_at + KEPT

    @property
    def is_kept(self) -> bool:
        """Whether it can still be downloaded."""
        return timezone.now() < self.kept_until


class FileChunk(models.Model):
    """A piece of a stored file (commlog.export.storage), for any host to serve."""

    name = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "number"], name="file_chunk_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"
