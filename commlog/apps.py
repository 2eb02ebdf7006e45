"""The back office: pages and API."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CommlogConfig(AppConfig):
    """Creates default roles and menu items after migrations; maintains the audit trail's triggers."""

    name = "commlog"
    verbose_name = "Commlog"

    def ready(self) -> None:
        # Each of these needs the loaded apps.
        from commlog import counts
        from commlog.account import factors, links, sign_ins
        from commlog.administration.audit_log import automatic
        from commlog.administration.roles.defaults import install_defaults
        from commlog.administration.users import staff
        from commlog.api import idempotency
        from commlog.export import job as exports
        from commlog.log import custom_views
        from commlog.message import mail_receipts
        from commlog.models import audit_guard
        from commlog.retention import runs as retention
        from notifications.cluster import schedules

        # Permissions exist only once every app has been migrated; auth's own receiver runs before this one.
        post_migrate.connect(install_defaults, sender=self)
        post_migrate.connect(custom_views.install_defaults, sender=self)
        post_migrate.connect(audit_guard.install, sender=self)
        schedules.repeat(self, 1, {"retention": retention.tick})
        schedules.repeat(self, 10, {"sweep API answers": idempotency.sweep})
        schedules.repeat(self, 60, {"sweep exports": exports.sweep, "sweep counts": counts.sweep})
        sign_ins.listen()
        links.listen()
        factors.listen()
        staff.listen()
        automatic.listen()
        mail_receipts.listen()
