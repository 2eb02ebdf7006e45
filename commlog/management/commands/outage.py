"""outage: makes one of the demo's stand-ins refuse everything, or work again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog.demo.place import CHANNELS, DEFAULT, Place

_WHO = {
    "email": ("The mail server", "e-mail", "451 4.3.0 Outage: try again later"),
    "sms": ("The SMS gateway", "SMS", "HTTP 503: Service unavailable"),
    "webhook": ("The receiver of webhooks", "webhook", "HTTP 503: Outage: try again later"),
}


class Command(BaseCommand):
    """Switches an outage."""

    help = "Switch an outage of the running demo's mail server, SMS gateway or webhook receiver on or off."
    requires_system_checks = []  # it touches a file of the demo, nothing else

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and whether."""
        parser.add_argument("channel", choices=CHANNELS)
        parser.add_argument("switch", choices=("on", "off"))
        parser.add_argument("--directory", type=Path, default=DEFAULT, help="where the demo lives (var/demo)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make or remove the flag, and say what will be seen."""
        place = Place(options["directory"])
        if not place.is_running:
            raise CommandError(f"No demo runs in {place.directory}. Start one with: make run")
        flag = place.flag(options["channel"])
        who, what, answer = _WHO[options["channel"]]
        if options["switch"] == "on":
            flag.touch()
            self.stdout.write(
                f"{who} refuses everything from now on ({answer}).\n"
                f"In the log: each new {what} is Waiting, is tried again at once and after 2, 6, 18 and 54 "
                "seconds, then Failed.\n"
                f"End it with: manage.py outage {options['channel']} off"
            )
        else:
            flag.unlink(missing_ok=True)
            self.stdout.write(
                f"{who} works again. What is Waiting is sent at its next try; resend what has Failed."
            )
