"""Copies of generated messages, made by PostgreSQL itself: several times as fast as writing each of them from here.

What is copied is a week, or a few; each copy lies that long before the next, with ids, keys, account numbers and the providers' ids of
its own. The dates inside the texts stay those of the last copy.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil

from django.db import connection, models

from notifications.models import Attempt, DeliveryReceipt, Message

_MANY = 50_000  # below that it is not worth it
_LEAST = 20_000  # messages that differ from each other
_TABLES: tuple[type[models.Model], ...] = (Message, Attempt, DeliveryReceipt)
# A resend says the same as what it resends.
_NUMBER = "CASE WHEN o.account IS NULL THEN o.{0} ELSE replace(o.{0}, o.account, lpad((n.root * 7919 %% 1000000)::text, 6, '0')) END"
_HANDED_OVER = "CASE WHEN o.provider_id = '' THEN '' ELSE 'SM' || md5(n.id::text) END"
_EARLIER = "o.{0} - n.age"
_CHAIN = "CASE WHEN o.first_id + n.shift >= n.least THEN {0} END"
# What is not the same in each copy.
_OF_MESSAGES: Mapping[str, str] = {
    "id": "n.id",
    "key": "gen_random_uuid()",
    "first_id": _CHAIN.format("o.first_id + n.shift"),
    "resend_of_id": _CHAIN.format("o.resend_of_id + n.shift"),
    "resent_by": f"COALESCE({_CHAIN.format('o.resent_by')}, '')",
    "resent_by_user_id": _CHAIN.format("o.resent_by_user_id"),
    **{name: _NUMBER.format(name) for name in ("subject", "content", "html")},
    **{name: _EARLIER.format(name) for name in ("created_at", "sent_at", "receipt_due_at", "receipt_at")},
    "provider_id": _HANDED_OVER,
}
_OF_OTHERS: Mapping[str, str] = {
    "message_id": "n.id",
    "provider_id": _HANDED_OVER,
    **{name: _EARLIER.format(name) for name in ("due_at", "opened_at", "permitted_at", "started_at", "finished_at", "received_at")},
}


@dataclass(frozen=True, slots=True)
class Copies:
    """`number` copies of so many originals; of the oldest only its end, so that there are `count` messages in all."""

    count: int
    originals: int
    number: int
    days: int  # the originals are of so many days

    def tables(self) -> dict[type[models.Model], str]:
        """Make the tables for the originals, whose ids begin with 0. Must run inside a transaction; they are gone after it."""
        names = {model: _original(model) for model in _TABLES}
        with connection.cursor() as cursor:
            for model, name in names.items():
                cursor.execute(
                    f"CREATE TEMPORARY TABLE {name} (LIKE {model._meta.db_table} INCLUDING DEFAULTS INCLUDING IDENTITY) ON COMMIT DROP"
                )
        return names

    def write(self, said: Callable[[int], None]) -> None:
        """Write the copies, the oldest first. Everybody else waits for these tables meanwhile."""
        names = [model._meta.db_table for model in _TABLES]
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {', '.join(names)}")
            cursor.execute("ALTER TABLE original_message ADD account text")
            cursor.execute(r"UPDATE original_message SET account = substring(content from '(?:LN|SV)-(\d{6})')")
            with _without_indexes(names, worth_it=self.count > Message.objects.count()):
                first = self._reserve(names[0])
                for copy in range(self.number):
                    self._copy(copy, first)
                    said(self.count - (self.number - copy - 1) * self.originals)

    def _reserve(self, table: str) -> int:
        """The first of the messages' ids."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table])
            (first,) = cursor.fetchone()
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, first + self.count - 1])
        return int(first)

    def _copy(self, copy: int, first: int) -> None:
        shift = first + self.count - (self.number - copy) * self.originals  # from the id of an original to that of its copy
        age = self.days * (self.number - copy - 1)
        with connection.cursor() as cursor:
            for model in _TABLES:
                made = _OF_MESSAGES if model is Message else _OF_OTHERS
                fields = [str(each.column) for each in model._meta.concrete_fields if model is Message or not each.primary_key]
                values = ", ".join(made.get(name, f"o.{name}") for name in fields)
                mine, root = ("id", "COALESCE(o.first_id, o.id)") if model is Message else ("message_id", "0")
                cursor.execute(
                    f"INSERT INTO {model._meta.db_table} ({', '.join(fields)}) SELECT {values}"  # noqa: S608 - names of tables and columns
                    f" FROM {_original(model)} o, LATERAL (SELECT o.{mine} + %s::bigint AS id, {root} + %s::bigint AS root,"
                    " %s::bigint AS shift, %s::bigint AS least, %s * interval '1 day' AS age) n WHERE n.id >= n.least ORDER BY o.id",
                    [shift, shift, shift, first, age],
                )


def _original(model: type[models.Model]) -> str:
    return f"original_{model._meta.model_name}"


def plan(count: int, days: int) -> Copies | None:
    """How to make so many messages of so many days of copies; None where all are to be written one by one."""
    if connection.vendor != "postgresql" or count < _MANY:
        return None
    period = 7 * ceil(days / 7 * _LEAST / count)
    originals = ceil(count * period / days)
    return Copies(count, originals, ceil(count / originals), period) if originals < count else None


@contextmanager
def _without_indexes(tables: list[str], *, worth_it: bool) -> Iterator[None]:
    """Inside, the tables have neither indexes nor references but their primary keys; afterwards they have them as before."""
    if not worth_it:
        yield
        return
    constraints = (
        "SELECT conrelid::regclass, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'u') ORDER BY contype DESC"
    )
    indexes = (
        "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = ANY(%s::regclass[])"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))"
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is still to be checked would keep tables from being changed
        cursor.execute(constraints, [tables])
        dropped = cursor.fetchall()
        cursor.execute(indexes, [tables])
        plain = cursor.fetchall()
        for table, name, _ in dropped:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, _ in plain:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, definition in plain:
            cursor.execute(definition)
        for table, name, definition in dropped:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
