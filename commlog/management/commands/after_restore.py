"""after_restore: hold a restored database, and decide about messages that may have been sent."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog import audit
from commlog.administration import after_restore
from commlog.models import CustomView
from commlog.models.column_layout import LogKind
from notifications.database.clock import db_now
from notifications.restored import holding

_BY = audit.Command("after_restore")
_EVERYTHING = ""
_ENDLESS = float("inf")  # seconds


class Command(BaseCommand):
    """Holds, shows, lifts, releases and ends."""

    help = (
        "Put a database that was restored from a backup on hold: nothing is sent, open bulk resends are "
        "paused, and what may have been sent is marked. Senders do so automatically if they have seen a "
        "newer one. With an option: decide. VIEW is the name of a view; default: all messages."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--status", action="store_true", help="only show what is on hold")
        what.add_argument(
            "--lift", action="store_true", help="send what is new; what is marked keeps waiting"
        )
        what.add_argument(
            "--release",
            metavar="VIEW",
            nargs="?",
            const=_EVERYTHING,
            help="send what is marked, as possible duplicates",
        )
        what.add_argument(
            "--end", metavar="VIEW", nargs="?", const=_EVERYTHING, help="end what is marked as failed"
        )
        parser.add_argument(
            "--sms",
            action="store_true",
            help="with --release: SMS too, whose recipients cannot tell a repeat",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._decide(options)
        except after_restore.Undecidable as error:
            raise CommandError(str(error)) from error
        self._status()

    def _decide(self, options: dict[str, Any]) -> None:
        if options["lift"]:
            after_restore.lift(by=_BY, seconds=_ENDLESS)
        elif options["release"] is not None:
            number = after_restore.release(
                _view(options["release"]), sms=options["sms"], by=_BY, seconds=_ENDLESS
            )
            self.stdout.write(f"Released: {number:,}")
        elif options["end"] is not None:
            self.stdout.write(
                f"Ended as failed: {after_restore.end(_view(options['end']), by=_BY, seconds=_ENDLESS):,}"
            )
        elif not options["status"]:
            after_restore.hold(by=_BY)
            holding.mark(now=db_now(), seconds=_ENDLESS)

    def _status(self) -> None:
        found = holding.standing()
        if found is None:
            self.stdout.write("Nothing is on hold.")
            return
        self.stdout.write("Nothing is sent." if found.held else "New messages are sent.")
        self.stdout.write(f"The last send that the database knows: {found.last_sent_at or 'none'}.")
        self.stdout.write(f"The last send that this machine has seen: {found.known_sent_at or 'not known'}.")
        if found.marked_at is None:
            self.stdout.write("Still being marked: what a worker had when it was held.")
        for each in after_restore.waiting():
            number = f"more than {after_restore.MOST:,}" if each.number is None else f"{each.number:,}"
            self.stdout.write(f"{each.channel.label}: {number} may have been sent and wait for a decision.")


def _view(name: str) -> CustomView | None:
    if name == _EVERYTHING:
        return None
    found = list(CustomView.objects.filter(kind=LogKind.LOG, name=name)[:2])
    if len(found) != 1:
        raise CommandError(
            f"There is no view of the log called {name}."
            if not found
            else f"More than one view is called {name}."
        )
    return found[0]
