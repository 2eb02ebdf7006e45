"""demo: everything on this machine, with generated data and stand-ins for the providers."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog.demo.place import DEFAULT
from commlog.demo.runner import CannotRun, Demo


class Command(BaseCommand):
    """Runs the demo."""

    help = (
        "Run a demo: pages, cluster and stand-ins for the providers, with invented data. Nothing leaves "
        "this machine."
    )
    # This process uses no database, so whatever the settings name must not be looked at.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the pages (8000)")
        parser.add_argument(
            "--directory", type=Path, default=DEFAULT, help="for its database and logs (var/demo)"
        )
        parser.add_argument(
            "--fresh", action="store_true", help="delete the data of an earlier demo and start afresh"
        )
        parser.add_argument(
            "--messages", type=int, default=2_500, help="how many messages to create in the past (2500)"
        )
        parser.add_argument("--every", type=float, default=5.0, help="seconds between new messages (5)")

    def handle(self, *args: Any, **options: Any) -> None:
        demo = Demo(**{name: options[name] for name in ("directory", "port", "messages", "every", "fresh")})
        try:
            demo.run()
        except CannotRun as error:
            raise CommandError(str(error)) from error
