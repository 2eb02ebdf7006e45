"""Remove the second factor of a user who lost it, for when no administrator can sign in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog.account import factors
from commlog.audit import Command as Actor
from commlog.models import User


class Command(BaseCommand):
    """Also ends the user's sessions. If a factor is required, the next sign-in leads to its set-up."""

    help = "remove the second factor of a user who lost it, and end the user's sessions"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user name")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['name']}.")
        number = factors.reset(user, by=Actor("reset_second_factor"))
        self.stdout.write(f"{user.username}: {number} removed.")
