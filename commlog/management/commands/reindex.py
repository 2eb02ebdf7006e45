"""reindex: rebuild the search index of all messages."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from notifications.models import Message, MessageWords, newest_id
from notifications.words import indexing

_SAY_EVERY = 10.0  # seconds


class Command(BaseCommand):
    """Rebuilds the search index."""

    help = (
        "Index the words of all messages anew, for the search. It can be stopped at any time: the cluster "
        "goes on by itself, and so does --continue. Searches stay right meanwhile, and are slow."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--continue", action="store_true", dest="goes_on", help="go on where it was stopped"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Index until nothing is left, reporting progress and rate."""
        if not options["goes_on"]:
            indexing.begin()
        settled, until, filled = indexing.Settled(), newest_id(Message), 0
        began = said = time.monotonic()
        while True:
            count = indexing.step(settled.look())
            filled += count
            if not count and settled.pk >= until:
                break
            if not count:
                time.sleep(indexing.REST)
            if time.monotonic() - said > _SAY_EVERY:
                said = time.monotonic()
                before, since = indexing.left()
                self.stdout.write(f"  {filled:,}; at most {before + since:,} left")
                self.stdout.flush()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {MessageWords._meta.db_table}")
        took = max(time.monotonic() - began, 0.001)
        self.stdout.write(f"Indexed {filled:,} messages in {took:.0f} s, {filled / took:,.0f} a second.")
