"""Command sender: the supervised cluster that sends, as production runs it."""

import signal
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from notifications.cluster.supervisor import supervise


class Command(BaseCommand):
    """Runs a qcluster under a supervisor until SIGTERM or SIGINT."""

    help = "Send due messages: a qcluster under a watchdog that restarts it if due work stops progressing."
    requires_system_checks: list[str] = []  # the database may not be there yet

    def handle(self, *args: Any, **options: Any) -> None:
        supervise(_on_signals)


def _on_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
