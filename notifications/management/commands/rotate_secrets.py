"""Command rotate_secrets: seal stored secrets again with SECRETS_KEY, so that older keys can be removed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notifications.secrets.sealed import Unreadable, rotate


class Command(BaseCommand):
    """Seals stored secrets again."""

    help = (
        "Encrypt every stored secret with the current SECRETS_KEY. Afterwards SECRETS_PREVIOUS_KEYS can be "
        "removed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate; safe while everything runs, and again after an interruption."""
        try:
            changed = rotate()
        except Unreadable as error:
            raise CommandError(
                f"{error}. Add the key that sealed it to SECRETS_PREVIOUS_KEYS, then run this again."
            ) from error
        self.stdout.write(
            f"{changed:,} stored secrets were encrypted again. SECRETS_PREVIOUS_KEYS can be removed now."
        )
