"""The domain: messages and their delivery."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class NotificationsConfig(AppConfig):
    """The app: registers checks and scheduled tasks, and maintains the database's guards and references."""

    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        # Each of these needs the loaded apps.
        from notifications import checks  # noqa: F401 - registers itself
        from notifications.cluster import backfill as after_upgrades
        from notifications.cluster import schedules
        from notifications.database import (
            guards,
            pooling,  # noqa: F401 - looks at each new session
            references,
        )
        from notifications.delivery import secret_values, tallies
        from notifications.streams import maintenance
        from notifications.words import indexing

        post_migrate.connect(guards.install, sender=self)
        post_migrate.connect(references.install, sender=self)
        post_migrate.connect(after_upgrades.install_schedule, sender=self)
        # There may be no supervisor to fill the words.
        every_minute = {
            "sweep lane tallies": tallies.sweep,
            "wipe secret values": secret_values.sweep,
            "keep streams": maintenance.keep,
            "fill words": indexing.fill,
        }
        schedules.repeat(self, 1, every_minute)
