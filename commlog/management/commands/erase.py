"""erase replay: repeat erasures after a restore."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog.erasure.ledger import Unreadable
from commlog.erasure.replay import replay


class Command(BaseCommand):
    """Replays the list of erasures."""

    help = (
        "After a restore: erase again the people on the list in ERASURES_DIRECTORY who are in the database "
        "once more. Run it before the senders start, and again until it says that all are erased."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["replay"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            whole = replay(self.stdout.write)
        except Unreadable as error:
            raise CommandError(str(error)) from error
        if not whole:
            raise CommandError("Not everybody is erased yet. Run it again.")
        self.stdout.write("Everybody on the list is erased.")
