"""The back office: pages and API."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CommlogConfig(AppConfig):
    """Creates the default roles and menu items after each migration."""

    name = "commlog"
    verbose_name = "Commlog"

    def ready(self) -> None:
        from commlog.roles import install_defaults  # needs the loaded apps

        # Permissions exist only once every app has been migrated; auth's own receiver runs before this one.
        post_migrate.connect(install_defaults, sender=self)
