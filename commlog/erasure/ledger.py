"""The list of erasures beside the database, with which a restored database forgets again.

One small file per erasure in ERASURES_DIRECTORY, without personal data: the key of the client or group, or
keyed digests of an address with the keys of some messages to it. It is written before anything is erased.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from django.conf import settings

from commlog.erasure.targets import Sought, kind_of, messages_to, recipient_of
from commlog.models import Erasure
from commlog.retention.leases import Waits
from notifications.restored import small_file
from notifications.secrets import sealed as secrets
from notifications.text.spelling import fold

_MOST = 1_000  # keys of messages
_LONGEST = 200_000  # characters of a file


class Unreadable(Exception):
    """A file of the list is damaged; the text names it."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The content of a file. `digests`: of addresses and numbers, of which nothing else is known."""

    key: str
    kind: str
    pseudonym: str
    asked_at: str
    recipient: str
    digests: list[str]
    messages: list[str]

    @classmethod
    def of(cls, erasure: Erasure, sought: Sought) -> Self:
        recipient = recipient_of(erasure)
        digests, messages = [], []
        if recipient is None:
            digests = [secrets.digests(fold(each))[0] for each in (*sought.addresses, *sought.numbers)]
            found = messages_to(sought, of=None).values_list("key", flat=True)[:_MOST]
            messages = [key.hex for key in found]
        return cls(
            erasure.key.hex,
            erasure.kind,
            erasure.pseudonym,
            erasure.asked_at.isoformat(),
            f"{kind_of(recipient)}:{recipient.key.hex}" if recipient else "",
            digests,
            messages,
        )


def write(erasure: Erasure, sought: Sought) -> None:
    """Add the erasure to the list unless it is there. Raises Waits if the list cannot be written."""
    file = Path(settings.ERASURES_DIRECTORY) / f"{erasure.key.hex}.json"
    if file.exists():
        return
    try:
        small_file.write(file, asdict(Remembered.of(erasure, sought)))
    except OSError as error:
        raise Waits(f"ERASURES_DIRECTORY cannot be written ({error.strerror})") from error


def all_of_them() -> Iterator[Remembered]:
    """Yield the list, oldest first. Raises Unreadable."""
    found = []
    for file in sorted(Path(settings.ERASURES_DIRECTORY).glob("*.json")):
        try:
            found.append(Remembered(**json.loads(file.read_text()[:_LONGEST])))
            UUID(found[-1].key)
        except (OSError, ValueError, TypeError) as error:
            raise Unreadable(f"{file} is no file of the list ({type(error).__name__})") from error
    yield from sorted(found, key=lambda each: each.asked_at)
