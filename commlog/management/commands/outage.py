"""outage: makes one of the demo's stand-ins refuse everything, or work again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog.demo import outages
from commlog.demo.outages import Outage
from commlog.demo.place import CHANNELS, DEFAULT, Place

_KINDS = {"on": Outage.REFUSING, "down": Outage.DOWN, "off": Outage.NONE}
_BUSY = "503: Service unavailable"
_WHO = {
    "email": ("The mail server", "e-mail", {Outage.DOWN: "421 4.3.2", Outage.REFUSING: "550 5.7.1"}),
    "sms": ("The SMS gateway", "SMS", {Outage.DOWN: f"HTTP {_BUSY}", Outage.REFUSING: "21408"}),
    "webhook": (
        "The receiver of webhooks",
        "webhook",
        {Outage.DOWN: f"HTTP {_BUSY}", Outage.REFUSING: "HTTP 404"},
    ),
}


class Command(BaseCommand):
    """Switches an outage."""

    help = "Switch an outage of the running demo's mail server, SMS gateway or webhook receiver on or off."
    requires_system_checks = []  # it touches a file of the demo, nothing else

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("channel", choices=CHANNELS)
        parser.add_argument("switch", choices=("on", "down", "off"))
        parser.add_argument("--directory", type=Path, default=DEFAULT, help="where the demo lives (var/demo)")

    def handle(self, *args: Any, **options: Any) -> None:
        place = Place(options["directory"])
        if not place.is_running:
            raise CommandError(f"No demo runs in {place.directory}. Start one with: make run")
        who, what, answer = _WHO[options["channel"]]
        kind = _KINDS[options["switch"]]
        outages.play(place, kind, (options["channel"],))
        if kind == Outage.NONE:
            self.stdout.write(
                f"{who} works again. What is Waiting is sent at its next try; resend what has Failed."
            )
            return
        does, becomes = "is down", f"each new {what} waits until it works again"
        if kind == Outage.REFUSING:
            does = "refuses everything"
            becomes = f"each new {what} is tried again at once and after 2, 6, 18 and 54 seconds, then Failed"
        self.stdout.write(
            f"{who} {does} from now on ({answer[kind]}).\n"
            f"In the log: {becomes}.\n"
            f"End it with: manage.py outage {options['channel']} off"
        )
