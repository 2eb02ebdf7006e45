"""create_user: a member of staff with a role. The password is read from standard input, out of process
lists.
"""

import getpass
import sys
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog import audit
from commlog.administration.users import staff
from commlog.models import User
from commlog.recipients import people


class Command(BaseCommand):
    """Creates a user."""

    help = "Create a user with a role. The password is read from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the username to sign in with")
        parser.add_argument(
            "--role", required=True, help="Administrator, Officer, Viewer, or a role of your own"
        )
        parser.add_argument("--api", action="store_true", help="give access to the API, too")
        parser.add_argument("--full-name", default="", help="first and last name, as the log shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        role = Group.objects.filter(name=options["role"]).first()
        if role is None:
            known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
            raise CommandError(f"Role {options['role']} not found. Roles: {known}.")
        if other := people.taken_by("user", options["name"]):
            raise CommandError(f"A user with this name already exists: {other}.")
        first, _, last = options["full_name"].rpartition(" ")
        user = User(
            username=options["name"],
            first_name=first or last,
            last_name=last if first else "",
            api_access=options["api"],
        )
        password = (
            getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
        )
        try:
            validate_password(password, user)
            user.set_password(password)
            user.full_clean()
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        staff.create_user(user, password, [role], by=audit.Command("create_user"))
        self.stdout.write(f"Created {user.username}, {role.name}.")
