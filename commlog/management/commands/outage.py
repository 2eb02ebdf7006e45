"""outage: make one of the demo's stand-ins refuse everything, or work again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog.demo import outages
from commlog.demo.outages import Outage
from commlog.demo.place import CHANNELS, DEFAULT, Place

_KINDS = {"on": Outage.REFUSING, "down": Outage.DOWN, "off": Outage.NONE}
_BECOMES = {
    "on": "It refuses everything from now on. In the log each new message is tried again at once and after "
    "2, 6, 18 and 54 seconds, then Failed.",
    "down": "It is down from now on. In the log each new message waits until it works again.",
    "off": "It works again. What is Waiting is sent at its next try; resend what has Failed.",
}


class Command(BaseCommand):
    """Switches an outage."""

    help = "Switch an outage of the running demo's mail server, SMS gateway or webhook receiver on or off."
    requires_system_checks = []  # it touches a file of the demo, nothing else

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("channel", choices=CHANNELS)
        parser.add_argument("switch", choices=_KINDS)
        parser.add_argument("--directory", type=Path, default=DEFAULT, help="where the demo lives (var/demo)")

    def handle(self, *args: Any, **options: Any) -> None:
        place = Place(options["directory"])
        if not place.is_made:
            raise CommandError(f"No demo runs in {place.directory}. Start one with: make run")
        outages.play(place, _KINDS[options["switch"]], (options["channel"],))
        self.stdout.write(_BECOMES[options["switch"]])
