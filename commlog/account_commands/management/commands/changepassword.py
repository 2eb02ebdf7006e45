"""changepassword, replacing Django's: it also ends the user's sessions, and is audited."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from commlog import audit
from commlog.administration.users import staff
from commlog.models import User


class Command(changepassword.Command):
    """Changes a password; prompts and arguments are those of Django's command."""

    def handle(self, *args: Any, **options: Any) -> str:
        name = options["username"] or getpass.getuser()
        user = User.objects.using(options["database"]).filter(username=name).first()
        if user is None:
            raise CommandError(f"User {name} not found.")
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Password again: "):
            raise CommandError("The two passwords do not match.")
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        staff.set_password(user, password, by=audit.Command("changepassword"))
        return f"Changed the password of {user.username}."
