"""The domain: messages and their delivery."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class NotificationsConfig(AppConfig):
    """Registers the system checks and keeps the database's guards installed."""

    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from notifications import checks  # noqa: F401 - registers itself
        from notifications.cluster.filling import install_schedule  # needs the loaded apps
        from notifications.database import pooling  # noqa: F401 - looks at each new session
        from notifications.database.guards import install  # needs the loaded apps
        from notifications.delivery import tallies, whole  # needs the loaded apps
        from notifications.streams import keeping  # needs the loaded apps
        from notifications.words import filling  # needs the loaded apps

        post_migrate.connect(install, sender=self)
        post_migrate.connect(install_schedule, sender=self)
        post_migrate.connect(tallies.install_schedule, sender=self)
        post_migrate.connect(whole.install_schedule, sender=self)
        post_migrate.connect(keeping.install_schedule, sender=self)
        post_migrate.connect(filling.install_schedule, sender=self)
