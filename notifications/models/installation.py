"""The database's own record: a random id, and whether it was restored from a backup."""

from uuid import uuid4

from django.db import models
from django.db.models import Q


class Installation(models.Model):
    """The only row of its table, created at the senders' first look (restored.holding)."""

    ONLY = 1

    # What the marker outside is called; a restored database gets a new one.
    key = models.UUIDField(default=uuid4)
    # Since when it is known to have been restored; none: it was not, or all is decided.
    restored_at = models.DateTimeField(null=True)
    # The largest message id then: what comes later was surely not sent before.
    newest = models.BigIntegerField(default=0)
    last_sent_at = models.DateTimeField(null=True)  # the last send that the database knew of
    known_sent_at = models.DateTimeField(null=True)  # the last send that the marker outside names
    marked_at = models.DateTimeField(null=True)  # since when all that may have been sent is marked
    lifted_at = models.DateTimeField(null=True)  # since when messages leave again

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="installation_once"),
            models.CheckConstraint(
                condition=Q(marked_at=None, lifted_at=None)
                | Q(restored_at__isnull=False, marked_at__isnull=False),
                name="installation_marked_before_lifted",
            ),
        ]

    def __str__(self) -> str:
        return "the restored database" if self.restored_at else "the database"

    @property
    def held(self) -> bool:
        return self.restored_at is not None and self.lifted_at is None
