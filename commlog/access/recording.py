"""Access records are written in the request that shows the content.

A GET request writes nothing else. If the database is read-only, pages stay readable and the process log
records who, how and the message ids.
"""

import logging
from collections.abc import Collection, Iterable, Sequence

from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from commlog import audit
from commlog.audit import Actor
from commlog.log.content_conditions import asks_content
from commlog.models import AccessRecord
from commlog.models.access_record import MOST, Access
from commlog.permissions import staff
from notifications.models import Message
from notifications.process import this_process

_log = logging.getLogger(__name__)
_SALT = "commlog.access"
_PAGES = 2_000  # whose messages a process remembers
_COLUMNS = [str(field.column) for field in AccessRecord._meta.concrete_fields[1:]]
_STATEMENT = (
    f"INSERT INTO {AccessRecord._meta.db_table} ({', '.join(_COLUMNS)}) "  # noqa: S608  names of ours
    f"VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
)
_named: dict[tuple[int, str], set[int]] = this_process.keep({})


def record(
    actor: Actor, how: Access, messages: Sequence[int], *, search: str = "", about: str = "", number: int = 0
) -> None:
    """Record that these messages were shown: one record per MOST of them, at least one."""
    known = audit.described(actor)
    rows = [
        AccessRecord(
            **known,
            how=how,
            messages=list(messages[start : start + MOST]),
            number=number or len(messages),
            search=search,
            about=about[:500],
        )
        for start in range(0, len(messages) or 1, MOST)
    ]
    try:
        if len(rows) == 1:
            _insert(rows[0])
        else:
            AccessRecord.objects.bulk_create(rows, batch_size=200)
    except DatabaseError as error:
        if connection.in_atomic_block:
            raise
        _log.error("not written down: %s %s %s (%s)", known["actor_name"], how, list(messages), error)


def _insert(row: AccessRecord) -> None:
    """Insert one record. Every page does, and Django's insert takes four times as long."""
    fields = AccessRecord._meta.concrete_fields[1:]
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, values)


def opened(request: HttpRequest, how: Access, *messages: Message, about: str = "") -> None:
    """Record that a page shows these messages to its reader, unless they are masked."""
    if shown := [each.pk for each in messages if not each.masked]:
        record(staff(request), how, shown, about=about)


def listed(request: HttpRequest, messages: Iterable[Message], pairs: Iterable[Sequence[str]] = ()) -> None:
    """Record a page of a log. `pairs`: its conditions, as `writing.pairs` returns them."""
    shown = [each.pk for each in messages if not each.masked]
    asked = list(pairs)
    search = digest(repr(asked)) if asks_content(asked) else ""
    if shown or search:
        record(staff(request), Access.LISTED, shown, search=search)
    if len(_named) >= _PAGES:
        _named.clear()
    _named[staff(request).pk, request.path] = set(shown)


def listed_since(request: HttpRequest, messages: Iterable[Message]) -> None:
    """Record the messages that a poll added to an open page, except those recorded for that page before."""
    before = _named.setdefault((staff(request).pk, request.path), set())
    if fresh := [each.pk for each in messages if not each.masked and each.pk not in before]:
        before.update(fresh)
        record(staff(request), Access.LISTED, fresh)


def found(request: HttpRequest, text: str, messages: Collection[Message]) -> None:
    """Record which messages the find box listed for a text."""
    if shown := [each.pk for each in messages if not each.masked]:
        record(staff(request), Access.FOUND, shown, search=digest(text))


def digest(words: str) -> str:
    """Return a digest that distinguishes searches without revealing their words."""
    return salted_hmac(_SALT, words).hexdigest()
