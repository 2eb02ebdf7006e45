"""create_api_key: a key for a program, printed once."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from commlog import audit
from commlog.administration.consumers import changes
from commlog.models import ApiConsumer

_BY = audit.Command("create_api_key")


class Command(BaseCommand):
    """Creates a key, and its consumer if there is none of that name."""

    help = "Create an API key and print it. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--consumer", required=True, help="the program's name")
        parser.add_argument(
            "--role",
            action="append",
            default=[],
            help="Administrator, Officer, Viewer or your own; may be repeated",
        )
        parser.add_argument(
            "--days", type=int, help="how many days the key works; default: until it is revoked"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, days = options["consumer"].strip(), options["days"]
        if not 0 < len(name) <= 150:
            raise CommandError("A consumer's name has 1 to 150 characters.")
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days must be from 1 to 36500.")
        roles = [self._role(role) for role in options["role"]]
        with transaction.atomic():
            consumer = ApiConsumer.objects.filter(name=name).first()
            if consumer is None:
                if not roles:
                    raise CommandError(f"Consumer {name} does not exist yet. Add a --role to create it.")
                consumer = changes.create(ApiConsumer(name=name), roles, by=_BY)
            elif roles:
                changes.change(consumer, [*consumer.roles.all(), *roles], by=_BY)
            expires_at = None if days is None else timezone.now() + timedelta(days=days)
            issued = changes.issue(consumer, by=_BY, expires_at=expires_at)
        self.stdout.write(issued.secret)

    def _role(self, name: str) -> Group:
        role = Group.objects.filter(name=name).first()
        if role is None:
            known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
            raise CommandError(f"Role {name} not found. Roles: {known}.")
        return role
