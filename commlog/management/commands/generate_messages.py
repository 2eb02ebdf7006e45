"""generate_messages: a log of any size, to test pages with it. None of it is ever sent."""

from datetime import timedelta
from random import Random
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from commlog.demo import generator
from notifications.models import Message
from notifications.rollups import hourly

MOST = 20_000_000
LONGEST = timedelta(days=3_650).days


class Command(BaseCommand):
    """Generates messages."""

    help = (
        "Fill the log with invented messages that were sent or failed, with their attempts, resends and "
        "people. None of it is ever sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int, metavar="N", help="how many messages")
        parser.add_argument(
            "--days", type=int, default=90, help="over how many days up to now they are spread (90)"
        )
        parser.add_argument("--seed", type=int, default=1, help="of the random choices (1)")
        parser.add_argument("--yes", action="store_true", help="also in production")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write them, then update the database's statistics."""
        count, days = options["count"], options["days"]
        if not 1 <= count <= MOST:
            raise CommandError(f"N must be from 1 to {MOST:,}.")
        if not 1 <= days <= LONGEST:
            raise CommandError(f"--days must be from 1 to {LONGEST:,}.")
        what = (
            f"{count:,} invented messages, with invented clients, groups and users, into "
            f"{connection.settings_dict['NAME']}"
        )
        if not settings.DEBUG and not options["yes"]:
            raise CommandError(
                f"This is production (DEBUG=0). It would write {what}; they cannot be removed again. Insist "
                "with --yes."
            )
        self.stdout.write(f"Writing {what}.")
        began = monotonic()
        rng = Random(f"{options['seed']} {Message.objects.count()}")  # noqa: S311  a second call goes on, with other keys
        with hourly.to_be_counted():
            generator.generate(count, days=days, rng=rng, now=timezone.localtime())
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        self.stdout.write(f"Wrote {count:,} messages in {monotonic() - began:.0f} s.")
