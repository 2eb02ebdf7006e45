"""rotate_secrets: seal every stored secret anew under SECRETS_KEY, so that the keys before it can be
forgotten.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notifications.secrets.sealed import Unreadable, rotate


class Command(BaseCommand):
    """Seals stored secrets anew."""

    help = "Seal every stored secret anew under SECRETS_KEY. Afterwards SECRETS_PREVIOUS_KEYS can be emptied."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate; safe while everything runs, and again after an interruption."""
        try:
            changed = rotate()
        except Unreadable as error:
            raise CommandError(
                f"{error}. Add the key that sealed it to SECRETS_PREVIOUS_KEYS, then run this again."
            ) from error
        self.stdout.write(
            f"{changed:,} stored secrets were sealed anew. SECRETS_PREVIOUS_KEYS can be emptied now."
        )
